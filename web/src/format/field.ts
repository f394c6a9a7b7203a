/** Between times and what a browser's `datetime-local` field has: local time without a zone. */

/** To the minute, or with a `length` of 19 to the second. */
export function localField(time: Date, length = 16): string {
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, length);
}

/** An ISO time to the second; nothing is an empty field. */
export function localTime(at: string | undefined): string {
  return at === undefined ? "" : localField(new Date(at), 19);
}

/** The field's time as ISO; undefined while it is none. */
export function timeOfField(value: string): string | undefined {
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
