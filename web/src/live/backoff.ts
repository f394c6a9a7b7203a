/** How long to wait before asking a server again that did not answer. */

export const LONGEST_WAIT_MS = 30_000;

/**
 * The wait before the `attempt`th try in a row (from 0): doubling from `baseMs`, and between half and all of
 * that by `random` (0 to 1), so that a thousand dashboards do not come back in the same moment.
 */
export function backoffMs(attempt: number, baseMs: number, random: number): number {
  const full = Math.min(baseMs * 2 ** Math.min(attempt, 16), LONGEST_WAIT_MS);
  return Math.round(full * (0.5 + random / 2));
}
