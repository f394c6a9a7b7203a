/** From forecasts to what is drawn and said of them: how far vehicles get by when, what a past one was worth, the busiest hour. */

import type { Campaign, FinishBand, Forecast, LoadSpan, PastForecast } from "../api/model";

/** Shares of the vehicles over time: columns of equal length, times in seconds since 1970. */
export interface Course {
  times: number[];
  /** One run in ten was this fast, in the middle, and all but one in ten. */
  fast: number[];
  middle: number[];
  slow: number[];
}

const QUANTILES = ["p10_at", "p50_at", "p90_at"] as const;
const seconds = (at: string) => Date.parse(at) / 1000;

/** `ended`: the share that had come to an end when the forecast was made. Undefined when no run got to any milestone. */
export function courseOf(forecast: Pick<Forecast, "from" | "milestones">, ended: number): Course | undefined {
  const from = seconds(forecast.from);
  const reached = forecast.milestones.filter((milestone) => milestone.band !== null && milestone.share > ended);
  if (reached.length === 0) return undefined;
  const lines = QUANTILES.map((quantile) => {
    let last = from;
    const points: [number, number][] = [[from, ended]];
    for (const { share, band } of reached) {
      // A milestone that few runs reach is told of those alone, and may seem to come before an easier one.
      last = Math.max(last, band === null ? last : seconds(band[quantile]));
      points.push([last, share]);
    }
    return points;
  });
  const times = [...new Set(lines.flatMap((line) => line.map(([at]) => at)))].sort((a, b) => a - b);
  const [fast = [], middle = [], slow = []] = lines.map((line) => times.map((time) => shareAt(line, time)));
  return { times, fast, middle, slow };
}

/** How many of `total` were to have come to an end by `time`, in seconds since 1970, by the middle of a course. */
export function plannedBy({ times, middle }: Course, time: number, total: number): number {
  const line = times.map((at, index) => [at, middle[index] ?? 0] as const);
  return Math.round(shareAt(line, Math.max(time, times[0] ?? time)) * total);
}

/** An end that comes much later than nearly all vehicles leaves them this part of a drawing. */
const PRESSED = 0.5;

/** Until when to draw, in seconds since 1970: the campaign's end as well, unless that would press its course together. */
export function horizonOf({ times }: Course, finish: FinishBand | null): number {
  const [from = 0, last = 0] = [times[0], times.at(-1)];
  const end = finish === null ? last : seconds(finish.p90_at);
  return Math.max(last, Math.min(end, from + (last - from) / PRESSED));
}

/** On the straight lines between the points; as high as the last one after it. */
function shareAt(line: readonly (readonly [number, number])[], time: number): number {
  let [at, share] = line[0] ?? [0, 0];
  for (const [nextAt, nextShare] of line.slice(1)) {
    if (time < nextAt) return share + ((nextShare - share) * (time - at)) / (nextAt - at);
    [at, share] = [nextAt, nextShare];
  }
  return share;
}

/** Most runs wait for the deadline: some vehicles never answer. */
const MOSTLY = 0.5;

export type Outlook =
  /** The campaign neither goes on nor could. */
  | { kind: "none" }
  /** Every run halted by itself. */
  | { kind: "halts" }
  /** It ends by its deadline, because some vehicles never come to an end; nine in ten of them may. */
  | { kind: "deadline"; most: FinishBand | undefined }
  | { kind: "band"; band: FinishBand };

export function outlook(forecast: Forecast | null | undefined): Outlook {
  if (forecast == null) return { kind: "none" };
  if (forecast.finish === null) return { kind: "halts" };
  if (forecast.late_ratio <= MOSTLY) return { kind: "band", band: forecast.finish };
  const most = forecast.milestones.find((one) => one.share === 0.9 && one.missed_ratio < MOSTLY)?.band;
  return { kind: "deadline", most: most ?? undefined };
}

/** Whether a campaign's end is still open and it has begun. */
export function isUnderWay({ state, closing }: Campaign): boolean {
  return (state === "running" || state === "paused" || state === "halted") && closing == null;
}

/** How past forecasts did: how many are judged, and how many of these held the end. */
export function scoreOf(items: readonly PastForecast[]): { judged: number; held: number } {
  const judged = items.filter((one) => one.covered !== null);
  return { judged: judged.length, held: judged.filter((one) => one.covered).length };
}

type Measure = "requests_p90" | "cdn_bytes_p90" | "offers_p90";

/** The span that most falls into; undefined when there is none. */
export function busiest(load: readonly LoadSpan[], measure: Measure): LoadSpan | undefined {
  return load.reduce<LoadSpan | undefined>((most, span) => (most === undefined || span[measure] > most[measure] ? span : most), undefined);
}

/** `5` or `2,5` per cent to a share; undefined for what is none above 0 and up to 100. */
export function shareOf(percent: string): number | undefined {
  const number = Number(percent.trim().replace(",", "."));
  return percent.trim() !== "" && number > 0 && number <= 100 ? Math.round(number * 1e4) / 1e6 : undefined;
}
