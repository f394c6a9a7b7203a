/** What a plan says of time by itself: a wave opens no earlier than the soaks before it allow. */

import type { WavePlan } from "../api/model";

/** When each wave opens at the earliest, in milliseconds since 1970. */
export function earliestOpenings(plan: readonly WavePlan[], start: number): number[] {
  let at = start;
  return plan.map((_, index) => {
    at += (plan[index - 1]?.gate?.soak_secs ?? 0) * 1000;
    return at;
  });
}
