import { afterEach, expect, test } from "vitest";
import { loadLanguage } from "../i18n";
import { numberOf, Reader, secondsOf, writtenSeconds, writtenShare } from "./typed";

afterEach(() => loadLanguage("en"));

test("what is typed becomes what the server takes, whatever the decimal sign", () => {
  expect(numberOf("12,5")).toBe(12.5);
  expect(numberOf(" ")).toBeUndefined();
  const reader = new Reader();
  expect([reader.share("/a", "0,29"), reader.share("/b", "100"), reader.share("/c", "")]).toEqual([0.0029, 1, null]);
  expect(reader.faults).toEqual({});
});

test("a length of time has a unit, in either language, and comes back as it was", async () => {
  expect(["90 s", "2h", "1 d 12 h", "1,5 Std.", "3 Tage", "10min"].map(secondsOf)).toEqual([90, 7200, 129_600, 5400, 259_200, 600]);
  expect(["10", "soon", "", "2 h later"].map(secondsOf)).toEqual([undefined, undefined, undefined, undefined]);
  for (const language of ["en", "de"] as const) {
    await loadLanguage(language);
    for (const seconds of [1, 90, 3600, 86_400 * 2 + 3 * 3600 + 65]) expect(secondsOf(writtenSeconds(seconds))).toBe(seconds);
  }
});

test("a share comes back as it was", () => {
  for (const share of [0.001, 0.29, 0.057, 1 / 3, 1]) {
    expect(new Reader().share("/a", writtenShare(share))).toBeCloseTo(share, 7);
  }
});

test("the first thing that is wrong with a field is what is told", () => {
  const reader = new Reader();
  expect(reader.needed("/a", reader.whole("/a", "many"), 1)).toBe(1);
  expect(reader.faults["/a"]).toMatch(/whole number/);
  expect(reader.needed("/b", reader.whole("/b", ""), 1)).toBe(1);
  expect(reader.faults["/b"]).toMatch(/needed/);
});
