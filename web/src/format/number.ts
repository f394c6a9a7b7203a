/** Numbers as people read them, in the reader's own locale. */

import { locale as current, text } from "../i18n";

/** A count with the separators of the viewer's language. */
export function formatCount(count: number, locale = current()): string {
  return new Intl.NumberFormat(locale).format(count);
}

/** Of something per time, in two digits where it is small: `0.034`, `1.2`, `160`. */
export function formatRate(rate: number, locale = current()): string {
  return new Intl.NumberFormat(locale, { maximumSignificantDigits: rate < 100 ? 2 : 3 }).format(rate);
}

/** `1 vehicle`, `2 vehicles`. */
export function plural(count: number, words: readonly [one: string, many: string], locale = current()): string {
  return `${formatCount(count, locale)} ${count === 1 ? words[0] : words[1]}`;
}

/** `412 B`, `1.4 MB`. */
export function formatBytes(bytes: number, locale = current()): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const digits = new Intl.NumberFormat(locale, { maximumFractionDigits: power === 0 ? 0 : 1 });
  return `${digits.format(bytes / 1000 ** power)} ${units[power] ?? "B"}`;
}

/**
 * A share in per cent, rounded down to a tenth, so that `100 %` means all and `0 %` none: 9,999 of 10,000
 * is 99.9 %, and a single one of a million is `< 0.1 %`.
 */
export function formatPercent(ratio: number, locale = current()): string {
  const tenths = Math.floor(Math.min(Math.max(ratio, 0), 1) * 1000 + 1e-9);
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  if (tenths === 0 && ratio > 0) return `< ${number.format(0.1)} %`;
  return `${number.format(tenths / 10)} %`;
}

/** A length of time in its two largest units: `2 d 4 h`, `3 min`, `0.4 s`. */
export function formatSeconds(seconds: number, locale = current()): string {
  const digits = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  if (seconds < 10) return `${digits.format(Math.max(seconds, 0))} s`;
  const units: [string, number][] = [
    [text().units.day, 86_400],
    [text().units.hour, 3600],
    ["min", 60],
    ["s", 1],
  ];
  const whole = Math.round(seconds);
  const first = units.findIndex(([, length]) => whole >= length);
  let rest = whole;
  const parts: string[] = [];
  for (const [name, length] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(" ");
}
