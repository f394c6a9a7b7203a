import { expect, test } from "vitest";
import { backoffMs, LONGEST_WAIT_MS } from "./backoff";

test("the wait doubles up to its limit", () => {
  expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, 1000, 1))).toEqual([1000, 2000, 4000, 8000]);
  expect(backoffMs(10, 1000, 1)).toBe(LONGEST_WAIT_MS);
  expect(backoffMs(100_000, 1000, 1)).toBe(LONGEST_WAIT_MS);
});

test("the jitter takes off at most half", () => {
  expect(backoffMs(2, 1000, 0)).toBe(2000);
  expect(backoffMs(2, 1000, 0.5)).toBe(3000);
});
