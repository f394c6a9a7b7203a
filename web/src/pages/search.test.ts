import { expect, test } from "vitest";
import { readAsOf, readAudit, readCampaign, readExcluded, readRehearsal } from "./search";

test("an audit filter is read from the URL as it was written there", () => {
  const filter = {
    actor: "ada",
    action: "campaign_approved",
    object: "campaign-12",
    since: "2026-03-01T00:00:00.000Z",
    until: "2026-03-02T00:00:00.000Z",
  };
  expect(readAudit(filter)).toEqual(filter);
  expect(readAudit(readAudit(filter))).toEqual(filter);
});

test("what is empty or not understood counts as not said", () => {
  expect(readAudit({ actor: "", action: null, object: [], vin: {}, since: "yesterday", until: 7 })).toEqual({});
});

test("a vehicle is asked for instead of an object, and its VIN may look like a number", () => {
  expect(readAudit({ vin: "xzzdemz0000000001", object: "campaign-12" })).toEqual({ vin: "XZZDEMZ0000000001" });
  expect(readAudit({ actor: 7 })).toEqual({ actor: "7" });
});

test("a time that is none is not asked for", () => {
  expect(readAsOf({ at: "2026-03-01T00:00:00Z" })).toEqual({ at: "2026-03-01T00:00:00Z" });
  expect(readAsOf({ at: "soon" })).toEqual({});
});

test("only a reason that there is filters who was left out", () => {
  expect(readExcluded({ reason: "already_there" })).toEqual({ reason: "already_there" });
  expect(readExcluded({ reason: "bad_luck" })).toEqual({});
});

test("a campaign's page keeps its vehicles' filter and how its failures are sorted", () => {
  expect(readCampaign({ state: "failed", error_code: 7, by: "log" })).toEqual({ state: "failed", error_code: "7", by: "log" });
  expect(readCampaign({ by: "moon" })).toEqual({});
});

test("a rehearsal is played with what its URL says, or with what is usual", () => {
  expect(readRehearsal({ seed: 0, failure_ratio: 0.2 })).toEqual({ seed: 0, failure_ratio: 0.2 });
  expect(readRehearsal({ seed: -1, failure_ratio: 0 })).toEqual({});
  expect(readRehearsal({ seed: 1.5, failure_ratio: 2 })).toEqual({});
});
