import { afterEach, expect, test } from "vitest";
import { loadLanguage } from "../i18n";
import { aCampaign } from "./fixtures";
import { consequence, eventLine, paceSentence, exclusionSentence, told, waitingSentence, whyNotSentence } from "./wording";

const now = Date.parse("2026-03-01T12:00:00Z");
const said = (waiting: Parameters<typeof waitingSentence>[0]) => waitingSentence(waiting, now, "en-GB", "Asia/Tokyo");

const campaign = aCampaign({ counters: { assigned: 40, installing: 1, installed: 9 } });

test("a reason that this dashboard does not know is told in the planner's words", () => {
  expect(said({ code: "gate_unreachable", text: "wave 2 cannot open" })).toBe("Wave 2 cannot open.");
  expect(said({ code: "something_new", text: "waits for the moon" })).toBe("Waits for the moon.");
});

test("why a vehicle waits is said in the reader's language where its words are known", async () => {
  const closed = { code: "wave_closed", text: "its wave, 2, is not open", until: null };
  const clause = { code: "vehicle_precondition", text: "the vehicle waits: battery.soc >= 40", until: null };
  expect(whyNotSentence(closed)).toBe("Its wave, 2, is not open.");
  await loadLanguage("de");
  expect(whyNotSentence(closed)).toBe("Seine Welle ist noch nicht offen.");
  expect(whyNotSentence(clause)).toBe("The vehicle waits: battery.soc >= 40.");
});

test("a gate is said with the numbers of the viewer's language", () => {
  const gate = { wave: 2, installed: 1064, needed: 1900, size: 2000, ratio: 0.95 };
  expect(said({ code: "gate", wants: "installed", text: "wave 3 opens when …", ...gate })).toBe(
    "Wave 3 opens when 95 % of the 2,000 vehicles in wave 2 have installed (1,900): 1,064 so far.",
  );
});

test("its times are said in the viewer's zone", () => {
  const deadline = "2026-03-01T13:30:00Z";
  expect(said({ code: "vehicles", text: "… until 2026-03-01 13:30:00 UTC", left: 1, deadline })).toBe(
    "All waves are open: 1 vehicle is left, until 22:30.",
  );
  expect(said({ code: "start_time", text: "starts at … UTC", at: "2026-03-02T00:00:00Z" })).toBe(
    "Waits for its start: 2 Mar, 09:00.",
  );
});

test("cancelling says whom it touches and that it is final", () => {
  const { effects, final } = consequence("cancel", campaign, now);
  expect(final).toBe(true);
  expect(effects[0]).toBe("The update is withdrawn from 91 vehicles that have not finished.");
  expect(effects).toContain("9 vehicles keep the installed version.");
  expect(effects).toContain("1 vehicle is installing; what it reports still counts.");
});

test("a command that touches nobody does not count them", () => {
  const { effects } = consequence("cancel", { ...campaign, members: null, counters: {} }, now);
  expect(effects).toEqual(["This cannot be undone: to go on later, create a new campaign."]);
});

test("an event is one line, and one of an unknown kind still is", () => {
  const event = { id: 1, at: "2026-03-01T10:00:00Z", actor: "engine" };
  expect(eventLine({ ...event, type: "wave_opened", wave: 2, vehicles: 50 }).text).toBe("Wave 2 opened for 50 vehicles");
  expect(eventLine({ ...event, type: "campaign_state_changed", from: "running", to: "halted" })).toEqual({
    text: "Halted (was running)",
    tone: "bad",
  });
  const paused = { ...event, type: "campaign_state_changed", from: "running", to: "paused" } as const;
  expect(eventLine({ ...paused, reason: "the hotline is full" })).toMatchObject({ text: "Paused (was running)", reason: "the hotline is full" });
  expect(eventLine({ ...paused, reason: "" }).reason).toBeUndefined();
  expect(eventLine({ ...event, type: "gate_widened" }).text).toBe("Gate widened");
});

test("why a campaign halted is told once, and why it was stopped by a person is not lost", () => {
  const at = { at: "2026-03-01T12:00:00Z", actor: "engine", campaign: 1 };
  const halted = { ...at, id: 1, type: "campaign_halted", wave: 1, reason: "4 of 6 failed" };
  const state = { ...at, id: 2, type: "campaign_state_changed", from: "running", to: "halted", reason: "4 of 6 failed" } as const;
  const stopped = { ...state, id: 3, reason: "emergency stop: doors open" };
  expect(told([halted, state, stopped]).map(({ reason }) => reason)).toEqual(["4 of 6 failed", null, "emergency stop: doors open"]);
});

afterEach(() => loadLanguage("en"));

test.each([
  [
    { wants: "reports", needed: 80, reported: 1064, size: 2000, until: "2026-03-01T13:30:00Z" },
    "Welle 3 öffnet, wenn 80 der 2.000 Fahrzeuge in Welle 2 ein Ende gemeldet haben: bisher 1.064; ab 22:30 genügen die, die es haben.",
  ],
  [
    { wants: "success", ratio: 0.99, reported: 100, installed: 97 },
    "Welle 3 öffnet, wenn 99 % derer in Welle 2, die gemeldet haben, installiert haben: bisher 97 von 100.",
  ],
  [
    { wants: "health", ratio: 0.995, healthy: 8, told: 9 },
    "Welle 3 öffnet, wenn es 99,5 % derer in Welle 2, die es gesagt haben, gut geht: bisher 8 von 9.",
  ],
  [{ wants: "soak", until: "2026-03-01T13:30:00Z" }, "Welle 3 öffnet, wenn Welle 2 bis 22:30 gehalten hat."],
  [{ wants: "approval" }, "Welle 3 öffnet, wenn jemand freigibt, wie Welle 2 gegangen ist."],
])("what a gate wants is said in German: %o", async (unmet, words) => {
  await loadLanguage("de");
  expect(waitingSentence({ code: "gate", text: "…", wave: 2, ...unmet }, now, "de", "Asia/Tokyo")).toBe(words);
});

test("a gate that cannot hold any more says what it would have needed", () => {
  const unmet = { wants: "success", ratio: 0.99, reported: 100, installed: 97, wave: 1 };
  expect(said({ code: "gate_unreachable", text: "…", ...unmet })).toBe(
    "Wave 2 cannot open any more. It would when 99 % of those in wave 1 that reported have installed: 97 of 100 so far.",
  );
});

test("in German it is said in German, with German numbers", async () => {
  await loadLanguage("de");
  const gate = { wave: 2, installed: 1064, needed: 1900, size: 2000, ratio: 0.955 };
  expect(waitingSentence({ code: "gate", wants: "installed", text: "…", ...gate }, now, "de")).toBe(
    "Welle 3 öffnet, wenn 95,5 % der 2.000 Fahrzeuge in Welle 2 installiert haben (1.900): bisher 1.064.",
  );
  expect(consequence("pause", campaign, now).confirm).toBe("Kampagne pausieren");
});

test("starting what is planned for later says that nothing happens before", () => {
  const later = { ...campaign, state: "draft" as const, start_at: "2026-03-02T12:00:00Z" };
  expect(consequence("start", later, now).effects[0]).toContain("nothing happens before");
});

test("a continuous campaign says whom it waits for", () => {
  expect(said({ code: "empty_wave", wave: 1, text: "…" })).toBe("Goes on when vehicles have joined wave 1.");
  expect(said({ code: "joiners", deadline: "2026-03-04T12:00:00Z", text: "…" })).toMatch(/others may join until .*21:00/);
});

test("who is left out is told why, with the ECU and what it would have to run", () => {
  const ecu = { reason: "dependency_not_met", hardware_id: "BCM", versions: ">=2, <3" } as const;
  expect(exclusionSentence(ecu)).toBe("BCM must run >=2, <3");
  expect(exclusionSentence({ reason: "already_there", hardware_id: null, versions: null })).toBe("the release runs on them already");
});

test("the rate of an adapting campaign is told with why it is so", () => {
  const pace = { per_minute: 1250, since: "2026-03-01T12:00:00Z", text: "the server's own words" };
  expect(paceSentence({ ...pace, code: "failures", failed: 3, finished: 40 }, "en-GB")).toBe(
    "Now 1,250 offers a minute: halved, for 3 of 40 that ended had failed.",
  );
  expect(paceSentence({ ...pace, code: "moon" } as never, "en-GB")).toBe("Now 1,250 offers a minute: the server's own words.");
});
