import { expect, test } from "vitest";
import type { EcuVersion } from "../api/model";
import { withBefore } from "./history";

test("a change stands beside what the same ECU ran before, also when it was gone or never told of", () => {
  const change = (hardware_id: string, version: string | null, day: number): EcuVersion => ({ hardware_id, version, at: `2026-03-0${day}T00:00:00Z` });
  const told = withBefore([change("BCM", "2.0", 4), change("TCU", "5", 3), change("BCM", null, 2), change("BCM", "1.0", 1)]);
  expect(told.map((one) => one.before)).toEqual([null, undefined, "1.0", undefined]);
});
