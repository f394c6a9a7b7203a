import { expect, test } from "vitest";
import { readCap, vehiclesPerHour, writeCap } from "./bandwidth";

test("a cap is read as people write it, and written so that it is read again", () => {
  expect(readCap(" 200 ")).toBe(200_000_000);
  expect(readCap("0,5")).toBe(500_000);
  expect(readCap("0.016384")).toBe(16_384);
  for (const bytes of [16_384, 500_000, 200_000_000, 2 ** 40]) expect(readCap(writeCap(bytes))).toBe(bytes);
});

test("what the API would refuse, or is no number, is no cap", () => {
  for (const typed of ["", "0", "0.01", "-1", "1e3", "fast", "1.5.2", "1200000", "12,34,5"]) expect(readCap(typed)).toBeUndefined();
});

test("a cap says how many vehicles an image reaches in an hour", () => {
  expect(vehiclesPerHour(200_000_000, 100_000_000)).toBe(7200);
  expect(vehiclesPerHour(16_384, 100_000_000)).toBe(0);
});
