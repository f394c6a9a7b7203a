/** A vehicle's reports of a campaign as spans of time: how long each step of each attempt took. */

import type { Report } from "../api/model";
import { EXITS, type AssignmentState } from "./states";

export interface Span {
  state: AssignmentState;
  /** Milliseconds since 1970. */
  from: number;
  to: number;
}

export interface Lane {
  attempt: number;
  /** In the order of time. */
  spans: Span[];
  /** How it ended and when; undefined while it goes on. */
  end: { state: AssignmentState; at: number } | undefined;
}

const ENDS: ReadonlySet<string> = new Set(["installed", ...EXITS]);

/** One lane per attempt, the newest first. A step that goes on lasts until `now`. */
export function lanes(reports: readonly Report[], now: number): Lane[] {
  const byAttempt = new Map<number, Report[]>();
  for (const report of reports) {
    byAttempt.set(report.attempt, [...(byAttempt.get(report.attempt) ?? []), report]);
  }
  return [...byAttempt.entries()].sort(([a], [b]) => b - a).map(([attempt, said]) => lane(attempt, said, now));
}

function lane(attempt: number, reports: readonly Report[], now: number): Lane {
  const ordered = [...reports].sort(
    (a, b) => Date.parse(a.received_at) - Date.parse(b.received_at) || a.sequence - b.sequence,
  );
  const spans: Span[] = [];
  let end: Lane["end"];
  for (const report of ordered) {
    const at = Date.parse(report.received_at);
    const last = spans.at(-1);
    // A report repeats a step to tell how far it is.
    if (last?.state === report.state) continue;
    if (last !== undefined && end === undefined) last.to = at;
    if (ENDS.has(report.state)) {
      end = { state: report.state, at };
    } else {
      end = undefined;
      spans.push({ state: report.state, from: at, to: at });
    }
  }
  const open = spans.at(-1);
  if (open !== undefined && end === undefined) open.to = Math.max(now, open.from);
  return { attempt, spans, end };
}
