import { expect, test } from "vitest";
import type { Campaign, Forecast, LoadSpan, PastForecast } from "../api/model";
import { busiest, courseOf, horizonOf, isUnderWay, outlook, plannedBy, scoreOf, shareOf } from "./foresight";

const BASE = 1_000_000_000;
const at = (second: number) => new Date((BASE + second) * 1000).toISOString();
const band = (p10: number, p50: number, p90: number) => ({ p10_at: at(p10), p50_at: at(p50), p90_at: at(p90) });
const forecast: Forecast = {
  from: at(0),
  runs: 200,
  finish: band(90, 100, 120),
  milestones: [
    { share: 0.5, band: band(10, 20, 40), missed_ratio: 0 },
    { share: 0.9, band: band(50, 60, 80), missed_ratio: 0 },
    { share: 0.99, band: null, missed_ratio: 1 },
  ],
  late_ratio: 0,
  false_halt_ratio: 0,
};

test("a plan says how many were to have ended by now, between its points and after its last", () => {
  const course = { times: [100, 200, 300], fast: [], middle: [0, 0.5, 0.9], slow: [] };
  expect([0, 100, 150, 200, 250, 900].map((time) => plannedBy(course, time, 1000))).toEqual([0, 0, 250, 500, 700, 900]);
});

test("a course runs through the milestones that are reached, and stays where its fastest runs end", () => {
  const course = courseOf(forecast, 0);
  expect(course?.times.map((time) => time - BASE)).toEqual([0, 10, 20, 40, 50, 60, 80]);
  const rounded = (shares: number[] | undefined) => shares?.map((share) => Math.round(share * 1000) / 1000);
  expect(rounded(course?.fast)).toEqual([0, 0.5, 0.6, 0.8, 0.9, 0.9, 0.9]);
  expect(rounded(course?.middle)).toEqual([0, 0.25, 0.5, 0.7, 0.8, 0.9, 0.9]);
  expect(rounded(course?.slow)).toEqual([0, 0.125, 0.25, 0.5, 0.6, 0.7, 0.9]);
});

test("what a running campaign has behind it is not drawn again", () => {
  const course = courseOf(forecast, 0.6);
  expect([course?.times[0], course?.middle[0]]).toEqual([BASE, 0.6]);
  expect(course?.times.map((time) => time - BASE)).not.toContain(20);
  expect(courseOf(forecast, 0.95)).toBeUndefined();
});

test("a milestone that few runs reach, early, does not lead back in time", () => {
  const few = { share: 0.99, band: band(30, 40, 50), missed_ratio: 0.95 };
  const course = courseOf({ ...forecast, milestones: [...forecast.milestones.slice(0, 2), few] }, 0);
  expect(course?.times).toEqual([...(course?.times ?? [])].sort((a, b) => a - b));
  expect(course?.middle.at(-1)).toBe(0.99);
});

test("the end is drawn as well, unless waiting for a few leaves no room for the others", () => {
  const course = courseOf(forecast, 0);
  const until = (finish: Forecast["finish"]) => course && horizonOf(course, finish) - BASE;
  expect([until(band(90, 100, 120)), until(band(90, 100, 86_400)), until(null), until(band(70, 75, 78))]).toEqual([120, 160, 80, 80]);
});

test("an end is a band, unless most runs only stop at the deadline, or all halt", () => {
  expect(outlook(forecast)).toEqual({ kind: "band", band: forecast.finish });
  expect(outlook({ ...forecast, late_ratio: 0.6 })).toEqual({ kind: "deadline", most: band(50, 60, 80) });
  const unlikely = forecast.milestones.map((one) => ({ ...one, missed_ratio: 0.8 }));
  expect(outlook({ ...forecast, late_ratio: 0.6, milestones: unlikely })).toEqual({ kind: "deadline", most: undefined });
  expect(outlook({ ...forecast, finish: null })).toEqual({ kind: "halts" });
  expect([outlook(null), outlook(undefined)]).toEqual([{ kind: "none" }, { kind: "none" }]);
});

test("a campaign that is being closed, or is not under way, is not forecast", () => {
  const campaign = (state: string, closing: string | null = null) => ({ state, closing }) as Campaign;
  expect(["running", "paused", "halted"].map((state) => isUnderWay(campaign(state)))).toEqual([true, true, true]);
  expect(["draft", "scheduled", "completed"].map((state) => isUnderWay(campaign(state)))).toEqual([false, false, false]);
  expect(isUnderWay(campaign("running", "timed_out"))).toBe(false);
});

test("only forecasts that are judged count in the score", () => {
  const items = [true, false, true, null].map((covered) => ({ covered }) as PastForecast);
  expect(scoreOf(items)).toEqual({ judged: 3, held: 2 });
});

test("of two spans that are as busy the first is told", () => {
  const span = (second: number, requests: number) => ({ at: at(second), requests_p90: requests }) as LoadSpan;
  expect(busiest([span(0, 3), span(1, 9), span(2, 9)], "requests_p90")?.at).toBe(at(1));
  expect(busiest([], "requests_p90")).toBeUndefined();
});

test("per cent are read with a point or a comma, and what is no share of a release is none", () => {
  expect(["5", " 2,5", "0.1", "100"].map(shareOf)).toEqual([0.05, 0.025, 0.001, 1]);
  expect(["", "0", "-1", "100.1", "many"].map(shareOf)).toEqual([undefined, undefined, undefined, undefined, undefined]);
});
