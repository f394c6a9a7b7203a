import { afterAll, expect, test, vi } from "vitest";
import { loadLanguage } from "../i18n";
import { outlookSentence, sourceSentence } from "./foretelling";

vi.stubEnv("TZ", "UTC");
const now = Date.parse("2026-03-01T10:00:00Z");
const deadline = "2026-03-09T18:00:00Z";
const band = { p10_at: "2026-03-01T14:00:00Z", p50_at: "2026-03-01T18:00:00Z", p90_at: "2026-03-02T09:30:00Z" };

afterAll(async () => {
  await loadLanguage("en");
  vi.unstubAllEnvs();
});

test("a band is told as two times, to the second only where it is near", () => {
  expect(outlookSentence({ kind: "band", band }, deadline, now)).toBe("80 % likely to end between 14:00 and 2 Mar, 09:30.");
  const near = { ...band, p10_at: "2026-03-01T10:01:05Z", p90_at: "2026-03-01T10:02:10Z" };
  expect(outlookSentence({ kind: "band", band: near }, deadline, now)).toBe("80 % likely to end between 10:01:05 and 10:02:10.");
});

test("where the deadline ends it, most of its vehicles are told of instead", () => {
  expect(outlookSentence({ kind: "deadline", most: band }, deadline, now)).toMatch(/its deadline, 9 Mar, 18:00, .* 90 % .* 14:00/);
  expect(outlookSentence({ kind: "deadline", most: undefined }, deadline, now)).not.toContain("90 %");
});

test("without history it is said that all is assumed, and limited history that it is", async () => {
  const none = { assignments: 0, campaigns: 0, paced: false };
  expect(sourceSentence(none, "long")).toContain("Assumed");
  expect(sourceSentence(none, "short")).toContain("Without history");
  const paced = { assignments: 96, campaigns: 1, paced: true };
  expect(sourceSentence(paced, "long")).toMatch(/^As 96 vehicles of 1 past campaign behaved\. .*pace/);
  await loadLanguage("de");
  expect(sourceSentence({ ...paced, campaigns: 2 }, "short")).toBe("Wie sich 96 Fahrzeuge in 2 früheren Kampagnen verhielten.");
});
