/** Caps on bandwidth as people say them, in MB per second, and as the API takes them, in bytes. */

const MEGABYTE = 1_000_000;
/** What the API takes. */
const LEAST = 16_384;
const MOST = 2 ** 40;

/** The cap in bytes per second; undefined unless it is a number that the API takes. A comma may stand for the point. */
export function readCap(typed: string): number | undefined {
  const text = typed.trim().replace(",", ".");
  if (!/^\d{1,7}(\.\d{1,6})?$/.test(text)) return undefined;
  const bytes = Math.round(Number(text) * MEGABYTE);
  return bytes >= LEAST && bytes <= MOST ? bytes : undefined;
}

/** As it may be typed again. */
export function writeCap(bytes: number): string {
  return String(bytes / MEGABYTE);
}

/** How many vehicles an image of this size reaches in an hour at most. */
export function vehiclesPerHour(cap: number, imageBytes: number): number {
  return Math.floor((cap * 3600) / imageBytes);
}
