import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createPacer } from "./pacer";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

test("what somebody asked for is shown at once", async () => {
  const pacer = createPacer(250);
  const shown: number[] = [];
  for (const number of [1, 2, 3]) {
    pacer.schedule(() => shown.push(number));
    await vi.advanceTimersByTimeAsync(1);
    expect(shown.at(-1)).toBe(number);
  }
});

test("the answers to a refresh are shown together, in their order, and none is lost", async () => {
  const pacer = createPacer(250);
  const runs = new Map<number, number[]>();
  void pacer.calmly(later(100));
  for (let number = 0; number < 40; number += 1) {
    pacer.schedule(() => {
      const at = performance.now();
      runs.set(at, [...(runs.get(at) ?? []), number]);
    });
    await vi.advanceTimersByTimeAsync(5);
  }
  await vi.advanceTimersByTimeAsync(1000);
  expect([...runs.values()].flat()).toEqual(Array.from({ length: 40 }, (_, number) => number));
  expect(runs.size).toBeLessThanOrEqual(2);
});

test("what follows a refresh keeps its distance, and then nothing is held back any more", async () => {
  const pacer = createPacer(250);
  const at: number[] = [];
  const show = () => {
    pacer.schedule(() => at.push(performance.now()));
  };
  void pacer.calmly(later(10));
  show();
  await vi.advanceTimersByTimeAsync(50);
  show();
  await vi.advanceTimersByTimeAsync(500);
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(250);
  const before = performance.now();
  show();
  await vi.advanceTimersByTimeAsync(1);
  expect(at[2]).toBeLessThanOrEqual(before + 1);
});
