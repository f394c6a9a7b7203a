/** A vehicle's changes of software, each beside what the ECU ran before it. */

import type { EcuVersion } from "../api/model";

export interface Changed {
  change: EcuVersion;
  /** Null when the ECU was gone, undefined when nothing had been told of it. */
  before: string | null | undefined;
}

/** In the order given, the newest first. */
export function withBefore(changes: readonly EcuVersion[]): Changed[] {
  return changes.map((change, index) => ({
    change,
    before: changes.slice(index + 1).find((one) => one.hardware_id === change.hardware_id)?.version,
  }));
}
