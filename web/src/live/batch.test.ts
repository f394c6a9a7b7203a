import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createBatcher } from "./batch";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function recorded(intervalMs: number, takesMs = 0) {
  const batches: number[][] = [];
  const batcher = createBatcher<number>(intervalMs, async (items) => {
    batches.push(items);
    if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs));
  });
  return { batches, batcher };
}

test("the first item goes on at once", () => {
  const { batches, batcher } = recorded(250);
  batcher.push(1);
  expect(batches).toEqual([[1]]);
});

test("a second of a thousand items makes at most four batches after the first, and loses none", async () => {
  const { batches, batcher } = recorded(250);
  for (let item = 0; item < 1000; item += 1) {
    batcher.push(item);
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(batches.length).toBeLessThanOrEqual(5);
  await vi.advanceTimersByTimeAsync(250);
  expect(batches.flat()).toEqual(Array.from({ length: 1000 }, (_, item) => item));
});

test("a lone item after a quiet time goes on at once again", async () => {
  const { batches, batcher } = recorded(250);
  batcher.push(1);
  await vi.advanceTimersByTimeAsync(1000);
  batcher.push(2);
  expect(batches).toEqual([[1], [2]]);
});

test("a batch that takes long holds the next one back", async () => {
  const { batches, batcher } = recorded(250, 2000);
  batcher.push(1);
  batcher.push(2);
  await vi.advanceTimersByTimeAsync(1999);
  expect(batches).toEqual([[1]]);
  await vi.advanceTimersByTimeAsync(1);
  expect(batches).toEqual([[1], [2]]);
});

test("a batch that fails does not stop the next", async () => {
  const seen: number[][] = [];
  const batcher = createBatcher<number>(250, (items) => {
    seen.push(items);
    return Promise.reject(new Error("the server is away"));
  });
  batcher.push(1);
  batcher.push(2);
  await vi.advanceTimersByTimeAsync(250);
  expect(seen).toEqual([[1], [2]]);
});

test("after stop nothing more goes on", async () => {
  const { batches, batcher } = recorded(250);
  batcher.push(1);
  batcher.push(2);
  batcher.stop();
  batcher.push(3);
  await vi.advanceTimersByTimeAsync(1000);
  expect(batches).toEqual([[1]]);
});
