import { expect, test } from "vitest";
import { formatAbsolute, formatMoment, formatRelative } from "./time";

const noon = Date.parse("2026-03-01T12:00:00Z");
const minutes = (count: number) => count * 60_000;

test("a time is told by its largest unit, past and future", () => {
  expect(formatRelative(noon - minutes(3), noon)).toBe("3 minutes ago");
  expect(formatRelative(noon + minutes(60 * 49), noon)).toBe("in 2 days");
  expect(formatRelative(noon - 59_000, noon)).toBe("59 seconds ago");
  expect(formatRelative(noon - minutes(60), noon)).toBe("1 hour ago");
});

test("within a few seconds, and with clocks a little apart, it is just now", () => {
  expect(formatRelative(noon + 3000, noon)).toBe("just now");
  expect(formatRelative(noon - 4000, noon)).toBe("just now");
});

test("the absolute time names its zone", () => {
  expect(formatAbsolute(noon, "en-GB", "Asia/Tokyo")).toBe("1 Mar 2026, 21:00:00 GMT+9");
});

test("a moment carries no more of its date than it needs, by the viewer's day", () => {
  const at = (text: string) => formatMoment(Date.parse(text), noon, "en-GB", "Asia/Tokyo");
  expect(at("2026-03-01T14:59:00Z")).toBe("23:59");
  expect(at("2026-03-01T15:01:00Z")).toBe("2 Mar, 00:01");
  expect(at("2027-03-01T12:00:00Z")).toBe("1 Mar 2027, 21:00");
});
