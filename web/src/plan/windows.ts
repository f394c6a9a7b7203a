/** When vehicles may begin to install, while it is written: times of the week, days without, and whose clock counts. */

import type { Policy } from "../api/model";
import { text } from "../i18n";
import type { Reader } from "./typed";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof DAYS)[number];

interface DraftWeekly {
  key: number;
  days: readonly Day[];
  /** `HH:MM`, as the browser's own field has it. */
  from: string;
  to: string;
}

interface DraftBlackout {
  key: number;
  /** `YYYY-MM-DD`. */
  from: string;
  to: string;
  reason: string;
}

export interface DraftWindows {
  weekly: readonly DraftWeekly[];
  blackouts: readonly DraftBlackout[];
  /** An IANA zone; UTC without one. */
  zone: string;
}

export function draftWindows(): DraftWindows {
  return { weekly: [], blackouts: [], zone: "" };
}

export function nextKey(rows: readonly { key: number }[]): number {
  return Math.max(-1, ...rows.map((row) => row.key)) + 1;
}

export function readWindows(draft: DraftWindows, reader: Reader): NonNullable<Policy["windows"]> {
  const at = "/policy/windows";
  const weekly = draft.weekly.map((one, index) => {
    const pointer = `${at}/weekly/${index}`;
    return {
      days: DAYS.filter((day) => one.days.includes(day)),
      from: reader.words(`${pointer}/from`, one.from),
      to: reader.words(`${pointer}/to`, one.to),
    };
  });
  const blackouts = draft.blackouts.map((one, index) => {
    const pointer = `${at}/blackouts/${index}`;
    const [from, to] = [reader.words(`${pointer}/from`, one.from), reader.words(`${pointer}/to`, one.to)];
    if (from !== "" && to !== "" && to < from) reader.fault(`${pointer}/to`, text().plan.blackoutBackwards);
    return { from, to, reason: one.reason.trim() === "" ? null : one.reason.trim() };
  });
  const zone = draft.zone.trim();
  if (zone !== "" && !isZone(zone)) reader.fault(`${at}/default_zone`, text().plan.noZone);
  return { weekly, blackouts, default_zone: zone === "" ? null : zone };
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

export function writtenWindows(windows: Policy["windows"]): DraftWindows {
  return {
    weekly: (windows?.weekly ?? []).map((one, key) => ({ key, days: one.days ?? [], from: one.from, to: one.to })),
    blackouts: (windows?.blackouts ?? []).map((one, key) => ({ key, from: one.from, to: one.to, reason: one.reason ?? "" })),
    zone: windows?.default_zone ?? "",
  };
}
