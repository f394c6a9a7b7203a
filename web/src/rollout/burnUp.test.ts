import { expect, test } from "vitest";
import type { BurnUp } from "../api/model";
import { burnUpSeries, endedBy, gateLines, sliceAt } from "./burnUp";
import { aWave } from "./fixtures";

const at = (seconds: number) => new Date(1_000_000_000_000 + seconds * 1000).toISOString();
const wave = (number: number, size: number, opened?: number) =>
  aWave(number, { size, opened_at: opened === undefined ? null : at(opened) });
const burnUp: BurnUp = {
  from: at(0),
  to: at(100),
  bucket_secs: 10,
  points: [
    { at: at(10), counters: { installed: 4, failed: 1 } },
    { at: at(90), counters: { installed: 5 } },
  ],
};

test("sums run on, a span counts at its end, and a wave that is closed does not", () => {
  const series = burnUpSeries(burnUp, [wave(1, 6, 5), wave(2, 6, 50), wave(3, 8)]);
  const base = 1_000_000_000;
  expect(series?.times.map((time) => time - base)).toEqual([0, 5, 20, 50, 100]);
  expect(series?.installed).toEqual([0, 0, 4, 4, 9]);
  expect(series?.otherwise).toEqual([0, 0, 1, 1, 1]);
  expect(series?.exits).toEqual([{ state: "failed", sums: [0, 0, 1, 1, 1] }]);
  expect(series?.open).toEqual([0, 6, 6, 12, 12]);
});

test("before its start there is nothing to draw", () => {
  expect(burnUpSeries({ ...burnUp, from: null, points: [] }, [])).toBeUndefined();
});

test("what had ended is told of a time between two points, and nothing had before the first", () => {
  const series = burnUpSeries(burnUp, [wave(1, 6, 5)]);
  const ended = (second: number) => series && endedBy(series, 1_000_000_000 + second);
  expect([-1, 10, 20, 99, 100].map(ended)).toEqual([0, 0, 5, 5, 10]);
});

test("a gate's line lies where enough have installed in all, until the next wave opens", () => {
  const waves = [
    aWave(1, { size: 10, opened_at: at(0), counters: { installed: 9 } }),
    aWave(2, { size: 20, opened_at: at(40), counters: { installed: 3 } }),
    aWave(3, { size: 70 }),
  ];
  const base = 1_000_000_000;
  expect(gateLines(waves)).toEqual([
    { wave: 1, level: 9, from: base, to: base + 40 },
    { wave: 2, level: 27, from: base + 40, to: undefined },
  ]);
});

test("a point of the chart stands for whole spans, and every moment is in one of them", () => {
  const slice = (second: number) => sliceAt(burnUp, 1_000_000_000 + second);
  expect(slice(14)).toEqual({ since: at(10), until: at(20) });
  expect(slice(20)?.since).toBe(slice(14)?.until);
  expect(slice(-5)?.since).toBe(at(0));
  const long = { ...burnUp, to: at(60_000) };
  expect(sliceAt(long, 1_000_000_000 + 1500)).toEqual({ since: at(1000), until: at(2000) });
});
