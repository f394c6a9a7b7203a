/** What people type as numbers, shares and lengths of time, read for the server; what is wrong is told by the field's pointer. */

import { formatCount } from "../format/number";
import { text } from "../i18n";

/** What is wrong, by the JSON pointer that the server would name: one place to look for both. */
export type Faults = Readonly<Record<string, string>>;

interface Bounds {
  least?: number;
  most?: number;
}

/** `12.5` and `12,5`; undefined for what is no number. */
export function numberOf(typed: string): number | undefined {
  const number = typed.trim() === "" ? Number.NaN : Number(typed.trim().replace(",", "."));
  return Number.isFinite(number) ? number : undefined;
}

const SECONDS: readonly (readonly [unit: RegExp, seconds: number])[] = [
  [/^(d|days?|t|tage?n?)$/i, 86_400],
  [/^(h|hours?|std|stunden?)$/i, 3600],
  [/^(m|min|minutes?|minuten?)$/i, 60],
  [/^(s|secs?|seconds?|sek|sekunden?)$/i, 1],
];

/** `90 s`, `2 h 30 min`, `1,5 Std.` in seconds; undefined for what is no length of time, or has no unit. */
export function secondsOf(typed: string): number | undefined {
  let rest = typed.trim();
  if (rest === "") return undefined;
  let sum = 0;
  while (rest !== "") {
    const part = /^(\d+(?:[.,]\d+)?)\s*([a-z]+)\.?\s*/i.exec(rest);
    const length = SECONDS.find(([unit]) => unit.test(part?.[2] ?? ""))?.[1];
    if (part === null || length === undefined) return undefined;
    sum += Number(part[1]?.replace(",", ".")) * length;
    rest = rest.slice(part[0].length);
  }
  return Math.round(sum);
}

/** All of a length of time, as a field shows it and takes it: `1 d 2 h`. */
export function writtenSeconds(seconds: number | null | undefined): string {
  if (seconds == null) return "";
  const units = [
    [text().units.day, 86_400],
    [text().units.hour, 3600],
    ["min", 60],
    ["s", 1],
  ] as const;
  let rest = seconds;
  const parts = units.flatMap(([name, length]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count > 0 ? [`${count} ${name}`] : [];
  });
  return parts.join(" ");
}

/** A share as a field shows it, in per cent. */
export function writtenShare(ratio: number | null | undefined): string {
  return ratio == null ? "" : String(Math.round(ratio * 1e8) / 1e6);
}

/** Reads fields one by one and keeps what is wrong with them. An empty field that may be empty is null. */
export class Reader {
  readonly faults: Record<string, string> = {};

  fault(pointer: string, message: string): void {
    this.faults[pointer] ??= message;
  }

  whole(pointer: string, typed: string, bounds: Bounds = {}): number | null {
    const { least = 1, most = Number.MAX_SAFE_INTEGER } = bounds;
    if (typed.trim() === "") return null;
    const number = /^[+-]?\d+$/.test(typed.trim()) ? Number(typed) : Number.NaN;
    if (number >= least && number <= most) return number;
    const t = text().plan;
    this.fault(pointer, most === Number.MAX_SAFE_INTEGER ? t.wholeFrom(formatCount(least)) : t.wholeBetween(formatCount(least), formatCount(most)));
    return null;
  }

  /** Per cent, to a share; above 0 where `positive`. */
  share(pointer: string, typed: string, positive = false): number | null {
    if (typed.trim() === "") return null;
    const number = numberOf(typed) ?? -1;
    if (number >= 0 && number <= 100 && (!positive || number > 0)) return Math.round(number * 1e6) / 1e8;
    this.fault(pointer, positive ? text().plan.shareAbove : text().plan.shareRange);
    return null;
  }

  seconds(pointer: string, typed: string): number | null {
    if (typed.trim() === "") return null;
    const seconds = secondsOf(typed);
    if (seconds !== undefined && seconds >= 1) return seconds;
    this.fault(pointer, text().plan.noTime);
    return null;
  }

  /** What must be there: its value, or a fault and what stands for it until it is. */
  needed<T>(pointer: string, value: T | null, instead: T): T {
    if (value === null) this.fault(pointer, text().plan.needed);
    return value ?? instead;
  }

  words(pointer: string, typed: string): string {
    if (typed.trim() === "") this.fault(pointer, text().plan.needed);
    return typed.trim();
  }
}
