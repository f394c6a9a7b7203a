import { expect, test } from "vitest";
import { askAgainAfter, lastHeard } from "./presence";

const NOW = Date.parse("2026-03-01T10:00:00Z");
const silent = { last_heard_at: null, last_ack_at: null, last_inventory_at: null, online: false, online_until: null };

test("a vehicle was last heard when anything last came of it, whatever the writing of the times", () => {
  expect(lastHeard(silent)).toBeUndefined();
  const vehicle = { ...silent, last_heard_at: "2026-03-01T09:00:00.5Z", last_ack_at: "2026-03-01T09:00:00Z" };
  expect(lastHeard(vehicle)).toBe("2026-03-01T09:00:00.5Z");
  expect(lastHeard({ ...vehicle, last_inventory_at: "2026-03-02T00:00:00Z" })).toBe("2026-03-02T00:00:00Z");
});

test("a vehicle that is online is asked for again when its time is over, and one that is offline is not", () => {
  expect(askAgainAfter(undefined, NOW)).toBe(false);
  expect(askAgainAfter(silent, NOW)).toBe(false);
  const online = { ...silent, online: true, online_until: "2026-03-01T10:10:00Z" };
  expect(askAgainAfter(online, NOW)).toBe(601_000);
  // A clock that is ahead makes nobody ask without end.
  expect(askAgainAfter(online, NOW + 3_600_000)).toBe(5_000);
});
