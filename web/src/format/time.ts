/** Times as people read them: relative at a glance, absolute in the viewer's zone when it matters. */

import { locale as current, text } from "../i18n";

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];


/** `3 minutes ago`, `in 2 days`; within five seconds `just now`. Both in milliseconds since 1970. */
export function formatRelative(at: number, now: number, locale = current()): string {
  const seconds = Math.round((at - now) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 5) return text().units.justNow;
  const [unit, length] = UNITS.find(([, size]) => distance >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(locale, { numeric: "always" }).format(Math.trunc(seconds / length), unit);
}

/** Date, time to the second, and the zone, so that it can be copied into a report. */
export function formatAbsolute(at: number, locale = current(), timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
    timeZone,
  }).format(at);
}

/** Only as much of a time as a sentence needs: the time today, else with its date. */
export function formatMoment(at: number, now: number, locale = current(), timeZone?: string): string {
  const day = (time: number) => new Intl.DateTimeFormat("en-CA", { dateStyle: "short", timeZone }).format(time);
  const year = (time: number) => day(time).slice(0, 4);
  const time = new Intl.DateTimeFormat(locale, {
    ...(day(at) === day(now) ? {} : { month: "short", day: "numeric" }),
    ...(year(at) === year(now) ? {} : { year: "numeric" }),
    hour: "2-digit",
    minute: "2-digit",
    timeZone,
  });
  return time.format(at);
}

/** To the second, for what happened moments ago. */
export function formatClock(at: number, locale = current(), timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone }).format(at);
}

/** Below this, in milliseconds, times beside each other are told to the second. */
const CLOSE = 600_000;

/** How times are told that lie so far apart, in milliseconds. */
export function formatApart(span: number, now: number): (at: number) => string {
  return span < CLOSE ? (at) => formatClock(at) : (at) => formatMoment(at, now);
}
