import { expect, test } from "vitest";
import type { FunnelDrop, Wave } from "../api/model";
import { aCampaign, aWave as wave } from "./fixtures";
import { exposedOf, funnel, gateNeeds, segments, tally, wavesAtWork, waveStage, withProgress } from "./progress";
import { BAR_ORDER, EXITS, STEPS } from "./states";

test("finished is what has ended, however it ended", () => {
  const counters = { installed: 60, failed: 3, timed_out: 2, declined: 1, downloading: 14 };
  expect(tally(counters, 100)).toEqual({
    total: 100,
    installed: 60,
    exited: 6,
    finished: 66,
    active: 14,
    unassigned: 20,
    finishedRatio: 0.66,
  });
});

test("before the start there is nothing to divide by", () => {
  expect(tally({}, null)).toMatchObject({ total: 0, finishedRatio: 0, unassigned: 0 });
});

test("counters read after the members never give a negative rest", () => {
  expect(tally({ assigned: 12 }, 10)).toMatchObject({ total: 12, unassigned: 0 });
});

test("the segments of a bar add up to all members", () => {
  const counters = Object.fromEntries(BAR_ORDER.map((state, index) => [state, index]));
  const total = segments(counters, 500).reduce((sum, part) => sum + part.count, 0);
  expect(total).toBe(500);
  expect(segments({ installed: 0, failed: 2 }, 2)).toEqual([{ state: "failed", count: 2 }]);
});

test("a bar shows every state once", () => {
  expect([...BAR_ORDER].sort()).toEqual([...STEPS, ...EXITS].sort());
});

test("a later step implies the earlier ones, an exit only what it proves", () => {
  const counters = { assigned: 10, offered: 5, downloading: 4, installed: 50, failed: 3, declined: 2, timed_out: 6 };
  const reached = Object.fromEntries(funnel(counters, 100).map((step) => [step.step, step.reached]));
  expect(reached).toEqual({
    targeted: 100,
    assigned: 80,
    offered: 64,
    accepted: 54,
    downloading: 54,
    downloaded: 50,
    installing: 50,
    installed: 50,
  });
});

test("whoever left had reached the step before, and the rest of the exits prove what they prove", () => {
  const drop = (state: FunnelDrop["state"], after: FunnelDrop["after"], vehicles: number) => ({ state, after, vehicles, error_code: null });
  const drops = [drop("failed", "installing", 2), drop("timed_out", "downloading", 4), drop("declined", null, 2)];
  const counters = { assigned: 10, installed: 50, failed: 3, declined: 2, timed_out: 6 };
  const steps = funnel(counters, 100, drops);
  expect(steps.map((step) => step.reached)).toEqual([100, 71, 59, 56, 56, 52, 52, 50]);
  expect(steps.flatMap((step) => step.left.map((one) => [step.step, one.state, one.vehicles]))).toEqual([
    ["offered", "declined", 2],
    ["downloading", "timed_out", 4],
    ["installing", "failed", 2],
  ]);
});

test("who was only assigned is not exposed", () => {
  const counters = { assigned: 88, downloaded: 6, installed: 1, failed: 5, timed_out: 3 };
  expect(exposedOf(counters, 500)).toBe(12);
  expect(exposedOf(counters, 500, [{ state: "timed_out", after: "offered", vehicles: 3, error_code: null }])).toBe(15);
});

test("a funnel never widens", () => {
  const counters = Object.fromEntries(BAR_ORDER.map((state, index) => [state, (index * 7) % 11]));
  const reached = funnel(counters, 1000).map((step) => step.reached);
  expect(reached).toEqual([...reached].sort((a, b) => b - a));
});

test("a gate needs its share rounded up, as the server rounds it", () => {
  expect(gateNeeds(wave(1, { size: 50, gate_installed_ratio: 0.9 }))).toBe(45);
  expect(gateNeeds(wave(1, { size: 7, gate_installed_ratio: 0.5 }))).toBe(4);
  expect(gateNeeds(wave(1, { size: 10, gate_installed_ratio: 0.1 + 0.2 }))).toBe(3);
  expect(gateNeeds(wave(1, { size: null }))).toBeUndefined();
});

test("a wave is closed, open, past its gate, then finished", () => {
  const opened_at = "2026-03-01T10:00:00Z";
  const stage = (over: Partial<Wave>) => waveStage(wave(1, over), false);
  expect(stage({})).toBe("closed");
  expect(stage({ opened_at, counters: { installed: 89, assigned: 11 } })).toBe("open");
  expect(stage({ opened_at, counters: { installed: 90, assigned: 10 } })).toBe("held");
  expect(stage({ opened_at, counters: { installed: 90, failed: 10 } })).toBe("finished");
  expect(stage({ opened_at, size: 0 })).toBe("finished");
  const waits = { reported: 100, unmet: { wants: "approval" as const } };
  expect(stage({ opened_at, counters: { installed: 100 }, gate_state: waits })).toBe("open");
});

test("a wave that ended below its gate missed it, unless nothing comes after", () => {
  const below = wave(1, { opened_at: "2026-03-01T10:00:00Z", counters: { installed: 89, failed: 11 } });
  expect(waveStage(below, false)).toBe("missed");
  expect(waveStage(below, true)).toBe("finished");
});

test("with little room the waves at work are shown, with one before and what follows", () => {
  const opened_at = "2026-03-01T10:00:00Z";
  const done = (number: number) => wave(number, { opened_at, counters: { installed: 100 } });
  const waves = [done(1), done(2), done(3), wave(4, { opened_at }), wave(5), wave(6), wave(7)];
  const numbers = (limit: number) => wavesAtWork(waves, limit).map((shown) => shown.number);
  expect(numbers(3)).toEqual([3, 4, 5]);
  expect(numbers(7)).toHaveLength(7);
  expect(numbers(20)).toHaveLength(7);
  expect(wavesAtWork([done(1), done(2), done(3)], 2).map((shown) => shown.number)).toEqual([2, 3]);
});

test("a progress message changes the counts and keeps the plan", () => {
  const campaign = aCampaign({
    waiting_on: { code: "vehicles", text: "old", left: 9, deadline: "2026-04-01T00:00:00Z" },
    waves: [wave(1, { counters: { assigned: 100 } }), wave(2)],
    counters: { assigned: 100 },
  });
  const next = withProgress(campaign, {
    campaign: 12,
    counters: { installed: 1, assigned: 99 },
    waves: [{ number: 1, opened_at: "2026-03-01T10:00:00Z", counters: { installed: 1, assigned: 99 } }],
  });
  expect(next.counters).toEqual({ installed: 1, assigned: 99 });
  expect(next.waves[0]).toMatchObject({ share_ratio: 0.1, size: 100, counters: { installed: 1, assigned: 99 } });
  expect(next.waves[1]).toEqual(campaign.waves[1]);
  expect(next.members).toBe(100);
  expect(next.waiting_on).toEqual(campaign.waiting_on);
});
