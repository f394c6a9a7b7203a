import { expect, test } from "vitest";
import type { BurnUp } from "../api/model";
import { burnUpSeries, endedBy } from "./burnUp";
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
