/** Campaigns and waves for tests: all that the API always says, to be told otherwise where a test is about it. */

import type { Campaign, Wave } from "../api/model";

export function aWave(number: number, over: Partial<Wave> = {}): Wave {
  return {
    number,
    share_ratio: 0.1,
    gate_installed_ratio: 0.9,
    gate: {},
    gate_state: { reported: 0, success_ratio: null, unmet: null },
    size: 100,
    opened_at: null,
    counters: {},
    healthy: 0,
    unhealthy: 0,
    finished: 0,
    failed: 0,
    ...over,
  };
}

export function aCampaign(over: Partial<Campaign> = {}): Campaign {
  return {
    id: 12,
    name: "BCM 2.3.0",
    release: 4,
    priority: 0,
    target: "true",
    policy: {},
    deadline: "2026-04-01T00:00:00Z",
    state: "running",
    state_by: "engine",
    state_at: "2026-03-01T10:00:00Z",
    created_at: "2026-03-01T09:00:00Z",
    created_by: "ada",
    members: 100,
    allowed: ["pause", "cancel"],
    waiting_on: { code: "nothing", text: "has ended" },
    waves: [],
    counters: {},
    ...over,
  };
}
