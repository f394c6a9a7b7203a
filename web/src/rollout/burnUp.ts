/** From the server's series to what a burn-up shows: running sums over time. */

import type { BurnUp, Wave } from "../api/model";

/** What a burn-up is drawn from: columns of equal length, times in seconds since 1970. */
export interface Series {
  times: number[];
  installed: number[];
  otherwise: number[];
  /** Vehicles in waves that are open. */
  open: number[];
}

/** Running sums, from the start to the end or to now, with the steps in which waves opened. */
export function burnUpSeries(burnUp: BurnUp, waves: readonly Wave[]): Series | undefined {
  if (burnUp.from == null) return undefined;
  const seconds = (time: string) => Date.parse(time) / 1000;
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
  const series: Series = { times, installed: [], otherwise: [], open: [] };
  let [installed, otherwise, open, nextEnded, nextOpened] = [0, 0, 0, 0, 0];
  for (const time of times) {
    for (; nextEnded < ended.length && (ended[nextEnded]?.at ?? Infinity) <= time; nextEnded += 1) {
      for (const [state, vehicles] of Object.entries(ended[nextEnded]?.counters ?? {})) {
        if (state === "installed") installed += vehicles;
        else otherwise += vehicles;
      }
    }
    for (; nextOpened < opened.length && (opened[nextOpened]?.at ?? Infinity) <= time; nextOpened += 1) {
      open += opened[nextOpened]?.size ?? 0;
    }
    series.installed.push(installed);
    series.otherwise.push(otherwise);
    series.open.push(open);
  }
  return series;
}

/** How many had come to an end by `time`, in seconds since 1970. */
export function endedBy(series: Series, time: number): number {
  const index = series.times.findLastIndex((at) => at <= time);
  return (series.installed[index] ?? 0) + (series.otherwise[index] ?? 0);
}
