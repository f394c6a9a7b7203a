/**
 * What is reviewed, as lines that a person can read. Nothing is left out: a setting that this dashboard does not know
 * yet is shown under its own name, for whoever approves answers for all of it.
 */

import type { Json } from "../api/model";
import { formatBytes, formatCount, formatPercent, formatSeconds } from "../format/number";
import { formatAbsolute } from "../format/time";
import { text } from "../i18n";

export interface Line {
  /** From the outside in: `retry`, `max_attempts`. */
  path: readonly string[];
  value: Json;
}

export interface Change {
  path: readonly string[];
  /** Undefined where there was nothing. */
  before: Json | undefined;
  after: Json | undefined;
}

/** More of a list than anybody reads, such as VINs: the raw content has them all. */
const LISTED = 20;
const FIRST = [
  "name",
  "version",
  "target",
  "precondition",
  "start_at",
  "deadline",
  "priority",
  "share_ratio",
  "count",
  "expression",
  "vins",
  "gate_installed_ratio",
];

export function isRecord(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** The part of the content under `name`. */
export function partOf(content: Json, name: string): Json | undefined {
  return isRecord(content) ? content[name] : undefined;
}

/** Every value in `value`, what people look for first at the top. */
export function linesOf(value: Json | undefined, path: readonly string[] = []): Line[] {
  if (value === undefined) return [];
  if (isRecord(value)) {
    const names = Object.keys(value).sort((a, b) => place(a) - place(b) || a.localeCompare(b));
    return names.flatMap((name) => linesOf(value[name], [...path, name]));
  }
  const items = listOf(value);
  if (items.some((item) => typeof item === "object" && item !== null)) {
    return items.flatMap((item, index) => linesOf(item, [...path, String(index + 1)]));
  }
  return Array.isArray(value) && items.length === 0 ? [] : [{ path, value }];
}

function place(name: string): number {
  const at = FIRST.indexOf(name);
  return at === -1 ? FIRST.length : at;
}

/** What is another in `after` than it was in `before`. */
export function changesOf(before: Json, after: Json): Change[] {
  const lines = (content: Json) => new Map(linesOf(content).map((line) => [JSON.stringify(line.path), line]));
  const [old, fresh] = [lines(before), lines(after)];
  const keys = [...new Set([...old.keys(), ...fresh.keys()])];
  return keys.flatMap((key) => {
    const [was, is] = [old.get(key), fresh.get(key)];
    if (JSON.stringify(was?.value) === JSON.stringify(is?.value)) return [];
    return [{ path: (was ?? is)?.path ?? [], before: was?.value, after: is?.value }];
  });
}

/** `Policy › retry › attempts`. */
export function nameOf(path: readonly string[]): string {
  const known: Record<string, string> = text().review.fields;
  return path.map((part) => known[part] ?? part.replaceAll("_", " ")).join(" › ");
}

/** The value in words; its unit is in the last part of its name. */
export function wordsOf({ path, value }: Line): string {
  const name = path.at(-1) ?? "";
  if (typeof value === "boolean") return value ? text().common.yes : text().common.no;
  if (typeof value === "number") {
    if (name.endsWith("_ratio") || name === "alpha" || name === "beta") return formatPercent(value);
    if (name.endsWith("_secs")) return formatSeconds(value);
    if (name.endsWith("_bytes")) return formatBytes(value);
    return String(value);
  }
  if (typeof value === "string") {
    const at = name === "deadline" || name.endsWith("_at") ? Date.parse(value) : NaN;
    return Number.isNaN(at) ? value : formatAbsolute(at);
  }
  const items = listOf(value);
  const shown = items.slice(0, LISTED).map((item) => wordsOf({ path, value: item }));
  if (items.length > LISTED) shown.push(text().review.andMore(formatCount(items.length - LISTED)));
  return shown.join(", ");
}

/** Whether a value is an expression, to be read letter by letter. */
export function isExpression(path: readonly string[]): boolean {
  return ["target", "precondition", "expression"].includes(path.at(-1) ?? "");
}

/** The content as it is hashed: members in the order of their names. */
export function canonical(value: Json): string {
  return JSON.stringify(sorted(value), null, 2);
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return listOf(value).map(sorted);
  if (!isRecord(value)) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, sorted(value[name] ?? null)]));
}
