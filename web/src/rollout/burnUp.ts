/** From the server's series to what a burn-up shows: running sums over time, the gates on the way, and a part of it. */

import type { BurnUp, Wave } from "../api/model";
import { countOf, gateNeeds } from "./progress";
import { EXITS } from "./states";

/** What a burn-up is drawn from: columns of equal length, times in seconds since 1970. */
export interface Series {
  times: number[];
  installed: number[];
  /** Those that some vehicle came to, each by itself. */
  exits: { state: (typeof EXITS)[number]; sums: number[] }[];
  /** All exits together. */
  otherwise: number[];
  /** Vehicles in waves that are open. */
  open: number[];
}

const seconds = (time: string) => Date.parse(time) / 1000;

/** Running sums, from the start to the end or to now, with the steps in which waves opened. */
export function burnUpSeries(burnUp: BurnUp, waves: readonly Wave[]): Series | undefined {
  if (burnUp.from == null) return undefined;
  const [from, to] = [seconds(burnUp.from), seconds(burnUp.to)];
  const opened = waves
    .flatMap((wave) => (wave.opened_at == null ? [] : [{ at: seconds(wave.opened_at), size: wave.size ?? 0 }]))
    .sort((a, b) => a.at - b.at);
  // A span's vehicles are all there at its end.
  const ended = burnUp.points.map((point) => ({
    at: Math.min(seconds(point.at) + burnUp.bucket_secs, Math.max(to, seconds(point.at))),
    counters: point.counters as Record<string, number>,
  }));
  const times = [...new Set([from, ...opened.map((wave) => wave.at), ...ended.map((one) => one.at), to])].sort(
    (a, b) => a - b,
  );
  const sums = (amounts: readonly { at: number; amount: number }[]) => running(times, amounts);
  const of = (state: string) => sums(ended.map(({ at, counters }) => ({ at, amount: counters[state] ?? 0 })));
  const exits = EXITS.map((state) => ({ state, sums: of(state) })).filter((one) => (one.sums.at(-1) ?? 0) > 0);
  return {
    times,
    installed: of("installed"),
    exits,
    otherwise: times.map((_, index) => exits.reduce((all, one) => all + (one.sums[index] ?? 0), 0)),
    open: sums(opened.map(({ at, size }) => ({ at, amount: size }))),
  };
}

/** What had come together by each of `times`; both in the order of time. */
function running(times: readonly number[], amounts: readonly { at: number; amount: number }[]): number[] {
  let [sum, next] = [0, 0];
  return times.map((time) => {
    for (; next < amounts.length && (amounts[next]?.at ?? Infinity) <= time; next += 1) sum += amounts[next]?.amount ?? 0;
    return sum;
  });
}

/** How many had come to an end by `time`, in seconds since 1970. */
export function endedBy(series: Series, time: number): number {
  const index = series.times.findLastIndex((at) => at <= time);
  return (series.installed[index] ?? 0) + (series.otherwise[index] ?? 0);
}

/** How many must have installed for the wave after this one to open, in all, while it was waited for. */
export interface GateLine {
  wave: number;
  level: number;
  from: number;
  /** When the next one opened; undefined while it has not. */
  to: number | undefined;
}

export function gateLines(waves: readonly Wave[]): GateLine[] {
  let before = 0;
  return waves.flatMap((wave, index) => {
    const level = before + (gateNeeds(wave) ?? 0);
    before += countOf(wave.counters, "installed");
    const next = waves[index + 1];
    if (next === undefined || wave.opened_at == null || wave.gate_installed_ratio === 0) return [];
    const to = next.opened_at == null ? undefined : seconds(next.opened_at);
    return [{ wave: wave.number, level, from: seconds(wave.opened_at), to }];
  });
}

/** More parts than this no pointer meets. */
const PARTS = 60;

/** The part of the time that a point of the chart stands for, in ISO 8601: whole spans of the series. */
export function sliceAt(burnUp: BurnUp, time: number): { since: string; until: string } | undefined {
  if (burnUp.from == null) return undefined;
  const [from, to] = [seconds(burnUp.from), seconds(burnUp.to)];
  const length = burnUp.bucket_secs * Math.max(1, Math.ceil((to - from) / PARTS / burnUp.bucket_secs));
  const since = from + Math.max(0, Math.floor((Math.min(time, to) - from) / length)) * length;
  const iso = (at: number) => new Date(at * 1000).toISOString();
  return { since: iso(since), until: iso(since + length) };
}
