import { expect, test } from "vitest";
import { aCampaign, aWave } from "../rollout/fixtures";
import { changeOf, newDraft, read, stepOf, STEPS, writtenDraft, type Draft } from "./draft";
import { NEW_POLICY } from "./policy";
import { draftGate } from "./waves";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const fresh = (over: Partial<Draft> = {}): Draft => ({ ...newDraft(4, NOW), ...over });

/** Every policy there is. */
const POLICY = {
  halt: {
    sequential: { acceptable_ratio: 0.005, intolerable_ratio: 0.02, alpha: 0.01, beta: 0.05 },
    thresholds: [{ failed_ratio: 0.03, of: "finished" as const, min_finished: 200 }],
    silence_is_failure: true,
  },
  max_in_flight: 500,
  max_bytes_per_sec: 50_000_000,
  rate: { per_minute: 100, adapt: { min_per_minute: 10, max_per_minute: 1000, failed_ratio: 0.025 } },
  timeouts: { offer_secs: 604_800, step_secs: 5400 },
  retry: { max_attempts: 3, backoff_secs: 90, error_codes: ["flash_write_error", "battery_low"], timed_out: true },
  membership: "snapshot" as const,
  supersede: true,
  precondition_waiver: "bench vehicles, always parked",
  windows: {
    weekly: [{ days: ["mon" as const, "sun" as const], from: "22:00", to: "05:00" }],
    blackouts: [{ from: "2026-12-24", to: "2026-12-26", reason: "Christmas" }],
    default_zone: "Europe/Berlin",
  },
  consent: {
    mode: "ask" as const,
    texts: { en: { title: "New software", body: "It takes a while." }, "de-AT": { title: "Neue Software", body: "Es dauert." } },
    minutes: 12,
    unavailable: ["Doors", "Lights"],
    max_reminders: 3,
    force_reason: "recall 4711",
  },
};
const GATE = { success_ratio: 0.99, reported_ratio: 0.8, report_within_secs: 259_200, healthy_ratio: 0.995, soak_secs: 3600, approval: true };

test("every field of a campaign comes back from its fields as it was, so a change asks for nothing else", () => {
  const waves = [
    aWave(1, { share_ratio: null, listed: 1, gate: GATE }),
    aWave(2, { share_ratio: null, expression: '"canary" in tags', gate_installed_ratio: 0 }),
    aWave(3, { share_ratio: null, count: 100 }),
    aWave(4, { share_ratio: 0.125 }),
    aWave(5, { share_ratio: null }),
  ];
  const campaign = aCampaign({ state: "draft", waves, policy: POLICY, precondition: "battery.soc >= 40", priority: -7 });
  const written = writtenDraft(campaign, [["WVWZZZ1KZAW000001"]]);
  const { request, faults } = read(written, "");
  expect(faults).toEqual({});
  expect(request.policy).toEqual(POLICY);
  expect(request.waves).toEqual([
    { vins: ["WVWZZZ1KZAW000001"], gate_installed_ratio: 0.9, gate: GATE },
    expect.objectContaining({ expression: '"canary" in tags', gate_installed_ratio: 0 }),
    expect.objectContaining({ count: 100 }),
    expect.objectContaining({ share_ratio: 0.125 }),
    {},
  ]);
  expect(request).toMatchObject({ name: campaign.name, priority: -7, precondition: "battery.soc >= 40", target: "true" });
  expect(changeOf(request, request)).toEqual({});
  const changed = read({ ...written, priority: "3", policy: { ...written.policy, maxInFlight: "" } }, "").request;
  expect(changeOf(request, changed)).toEqual({ priority: 3, policy: { ...POLICY, max_in_flight: null } });
});

test("a new campaign halts a bad release by itself, and is asked for whole", () => {
  const { request, faults } = read(fresh(), "Body 2.0 rollout");
  expect(faults).toEqual({});
  expect(request.name).toBe("Body 2.0 rollout");
  expect(request.policy?.halt?.sequential).toEqual({ acceptable_ratio: 0.01, intolerable_ratio: 0.05, alpha: 0.01, beta: 0.01 });
  expect(request.waves?.map((wave) => wave.gate_installed_ratio)).toEqual([0.9, 0.9, undefined]);
});

test("what is wrong is told at the field that the server would name, and holds its step", () => {
  const wrong = fresh({
    priority: "high",
    startAt: "2026-12-01T10:00",
    policy: {
      ...NEW_POLICY,
      intolerable: "1",
      adapts: true,
      rate: "5",
      slowest: "10",
      fastest: "100",
      retries: true,
      backoff: "10",
      stepTimeout: "soon",
      windows: { weekly: [], blackouts: [{ key: 0, from: "2026-12-26", to: "2026-12-24", reason: "" }], zone: "Berlin" },
      consent: { ...NEW_POLICY.consent, mode: "ask", texts: [{ key: 3, language: "en", title: "New", body: "" }] },
    },
  });
  const { faults } = read(wrong, "n");
  expect(Object.keys(faults).sort()).toEqual([
    "/policy/consent/texts/3/body",
    "/policy/halt/sequential/intolerable_ratio",
    "/policy/rate/per_minute",
    "/policy/retry/backoff_secs",
    "/policy/timeouts/step_secs",
    "/policy/windows/blackouts/0/to",
    "/policy/windows/default_zone",
    "/priority",
    "/start_at",
  ]);
  expect(new Set(Object.keys(faults).map(stepOf))).toEqual(new Set(["policies", "schedule"]));
});

test("every field belongs to a step", () => {
  const steps = ["/release", "/target", "/waves/3/gate/soak_secs", "/ramp/factor", "/policy/retry", "/policy/membership", "/policy/precondition_waiver"];
  expect(steps.map(stepOf)).toEqual(["release", "target", "waves", "waves", "policies", "target", "schedule"]);
  expect(STEPS).toContain(stepOf("/something_new"));
});

test("a waiver without a precondition is not asked for", () => {
  const policy = { ...NEW_POLICY, waives: true, waiver: "parked" };
  expect(read(fresh({ policy }), "n").request.policy?.precondition_waiver).toBeNull();
  expect(read(fresh({ policy, precondition: "true" }), "n").request.policy?.precondition_waiver).toBe("parked");
});

test("a ramp is asked for instead of waves", () => {
  const ramp = { first: "1", factor: "3", gate: { ...draftGate(95), soak: "2 h" } };
  const { request, faults } = read(fresh({ ramps: true, ramp }), "n");
  expect(faults).toEqual({});
  expect(request.waves).toBeUndefined();
  expect(request.ramp).toMatchObject({ first_ratio: 0.01, factor: 3, gate_installed_ratio: 0.95, gate: { soak_secs: 7200 } });
  const { faults: wrong } = read(fresh({ ramps: true, ramp: { ...ramp, first: "60", factor: "1" } }), "n");
  expect(Object.keys(wrong)).toEqual(["/ramp/first_ratio", "/ramp/factor"]);
});
