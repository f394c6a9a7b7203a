/** Whether a vehicle is there, by what the server says of it. */

import type { Vehicle } from "../api/model";

type Told = Pick<Vehicle, "last_heard_at" | "last_ack_at" | "last_inventory_at" | "online" | "online_until">;

/** Never asked more often than this, whatever the clocks say. */
const LEAST_MS = 5_000;
const SLACK_MS = 1_000;

/** When anything was last heard of it; what it reported before gateways noted that counts, too. */
export function lastHeard(vehicle: Told): string | undefined {
  const times = [vehicle.last_heard_at, vehicle.last_ack_at, vehicle.last_inventory_at].flatMap((time) => time ?? []);
  return times.sort((a, b) => Date.parse(a) - Date.parse(b)).at(-1);
}

/** In how many milliseconds the answer may have changed by itself; false when it does not. */
export function askAgainAfter(vehicle: Told | undefined, now: number): number | false {
  if (vehicle?.online !== true || vehicle.online_until == null) return false;
  return Math.max(LEAST_MS, Date.parse(vehicle.online_until) - now + SLACK_MS);
}
