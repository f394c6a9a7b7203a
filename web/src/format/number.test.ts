import { expect, test } from "vitest";
import { formatCount, formatPercent, formatSeconds, plural, formatRate } from "./number";

test("100 % means all and 0 % means none", () => {
  expect(formatPercent(1, "en")).toBe("100 %");
  expect(formatPercent(9999 / 10_000, "en")).toBe("99.9 %");
  expect(formatPercent(0.99999, "en")).toBe("99.9 %");
  expect(formatPercent(0, "en")).toBe("0 %");
  expect(formatPercent(1e-6, "en")).toBe("< 0.1 %");
});

test("a share that is exact in decimals is not rounded down by its binary form", () => {
  expect(formatPercent(0.29, "en")).toBe("29 %");
  expect(formatPercent(0.057, "en")).toBe("5.7 %");
  expect(formatPercent(0.1 + 0.2, "en")).toBe("30 %");
});

test("numbers follow the viewer's language", () => {
  expect(formatCount(1_234_567, "en")).toBe("1,234,567");
  expect(formatPercent(0.125, "de")).toBe("12,5 %");
});

test("one is singular", () => {
  expect(plural(1, ["vehicle", "vehicles"])).toBe("1 vehicle");
  expect(plural(0, ["vehicle", "vehicles"])).toBe("0 vehicles");
  expect(plural(2000, ["retry", "retries"], "de")).toBe("2.000 retries");
});

test("a length of time shows its two largest units", () => {
  expect(formatSeconds(0)).toBe("0 s");
  expect(formatSeconds(0.42)).toBe("0.4 s");
  expect(formatSeconds(59.6)).toBe("1 min");
  expect(formatSeconds(90)).toBe("1 min 30 s");
  expect(formatSeconds(86_400 * 2 + 3600 * 4 + 59)).toBe("2 d 4 h");
  expect(formatSeconds(3600)).toBe("1 h");
});

test("a rate keeps two digits where it is small", () => {
  expect([0.0342, 1.234, 98.7, 1234.5].map((rate) => formatRate(rate, "en-GB"))).toEqual(["0.034", "1.2", "99", "1,230"]);
});
