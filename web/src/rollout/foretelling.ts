/** Forecasts in words. */

import type { FinishBand, FleetSource } from "../api/model";
import { plural } from "../format/number";
import { formatApart, formatMoment } from "../format/time";
import { text } from "../i18n";
import type { Outlook } from "./foresight";

/** `now`, as everywhere here, in milliseconds since 1970. */
export function outlookSentence(outlook: Outlook, deadline: string, now: number): string {
  const t = text().forecast;
  switch (outlook.kind) {
    case "none":
      return t.noForecast;
    case "halts":
      return t.halts;
    case "band": {
      const [from, to] = ends(outlook.band, now);
      return from === to ? t.likelyAt(from) : t.likely(from, to);
    }
    case "deadline": {
      const most = outlook.most === undefined ? "" : ` ${t.deadlineMost(...ends(outlook.most, now))}`;
      return t.deadline(formatMoment(Date.parse(deadline), now)) + most;
    }
  }
}

function ends({ p10_at, p90_at }: FinishBand, now: number): [string, string] {
  const [from, to] = [Date.parse(p10_at), Date.parse(p90_at)];
  const format = formatApart(to - now, now);
  return [format(from), format(to)];
}

/** What is known of how vehicles behave; without history, `short` leaves out what is assumed then. */
export function sourceSentence(source: FleetSource, length: "short" | "long"): string {
  const t = text().forecast;
  if (source.campaigns === 0) return length === "short" ? t.guessed : t.assumed;
  const measured = t.measured(plural(source.assignments, text().count.vehicle), plural(source.campaigns, text().count.pastCampaign));
  return source.paced && length === "long" ? `${measured} ${t.paced}` : measured;
}
