/** Which campaigns the fleet page shows; in the URL as `?show=`. */
export const SHOWS = ["all", "open", "ended"] as const;
export type Show = (typeof SHOWS)[number];

/** Anything else in the URL counts as nothing said. */
export function readShow(value: unknown): Show | undefined {
  return SHOWS.find((show) => show === value);
}
