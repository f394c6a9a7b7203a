import { expect, test } from "vitest";
import type { ActName } from "../api/acts";
import type { Campaign, CampaignReview, FailureCluster } from "../api/model";
import { aCampaign } from "./fixtures";
import { offers, retriable, reviewOffers, waveToApprove, type Reader } from "./offers";

const campaign = (over: Partial<Campaign>): Campaign =>
  aCampaign({ state: "draft", state_by: "ada", allowed: ["submit", "start", "cancel"], ...over });

const review = (over: Partial<CampaignReview>): CampaignReview => ({
  campaign: 12,
  state: "in_review",
  required: true,
  may_start: false,
  digest: "aa",
  content: {},
  authors: ["ada"],
  steps: [],
  ...over,
});

const ENGINEER: readonly ActName[] = ["start", "pause", "resume", "cancel", "submit", "retry"];
const reader = (name: string, ...acts: readonly ActName[]): Reader => ({ name, can: (act) => acts.includes(act) });
const engineer = reader("ada", ...ENGINEER);
const approver = (name: string) => reader(name, ...ENGINEER, "approve", "reject", "approveWave");
const inReview = campaign({ state: "in_review", allowed: ["approve", "reject", "start", "cancel"] });

test("a draft that needs no review is started", () => {
  expect(offers(campaign({}), review({ required: false, may_start: true }), false, engineer)).toEqual(["start", "cancel"]);
});

test("a draft that needs one is submitted instead", () => {
  expect(offers(campaign({}), review({}), false, engineer)).toEqual(["submit", "cancel"]);
});

test("a start is not offered before the review is known, nor while it is not approved", () => {
  expect(offers(campaign({}), undefined, false, engineer)).toEqual(["cancel"]);
  expect(offers(inReview, review({}), false, engineer)).toEqual(["cancel"]);
  expect(offers(inReview, review({ may_start: true }), false, engineer)).toEqual(["start", "cancel"]);
});

test("nothing starts or resumes during an emergency stop", () => {
  const halted = campaign({ state: "halted", allowed: ["resume", "cancel"] });
  expect(offers(halted, undefined, false, engineer)).toEqual(["resume", "cancel"]);
  expect(offers(halted, undefined, true, engineer)).toEqual(["cancel"]);
  expect(offers(campaign({}), review({ may_start: true, required: false }), true, engineer)).toEqual(["cancel"]);
});

test("whoever only reads is offered nothing", () => {
  expect(offers(campaign({}), review({}), false, reader("eve"))).toEqual([]);
});

test("a wave is approved by approvers, and only while its gate wants nothing else", () => {
  const waits = campaign({
    state: "running",
    allowed: ["pause", "cancel"],
    waiting_on: { code: "gate", wants: "approval", wave: 1, text: "" },
  });
  expect(offers(waits, undefined, false, approver("bob"))).toEqual(["approveWave", "pause", "cancel"]);
  expect(offers(waits, undefined, false, engineer)).toEqual(["pause", "cancel"]);
  expect(waveToApprove(campaign({ waiting_on: { code: "gate", wants: "soak", wave: 1, text: "" } }))).toBeUndefined();
});

test("a campaign is approved by somebody who did not write it", () => {
  expect(reviewOffers(inReview, review({}), approver("bob"))).toEqual({ approve: true, reject: true, ownWork: false });
  expect(reviewOffers(inReview, review({}), approver("ada"))).toEqual({ approve: false, reject: true, ownWork: true });
  expect(reviewOffers(inReview, review({}), engineer)).toEqual({ approve: false, reject: false, ownWork: false });
});

test("what is approved already is not approved twice, but can still be given back", () => {
  const approved = reviewOffers(inReview, review({ may_start: true }), approver("bob"));
  expect(approved).toEqual({ approve: false, reject: true, ownWork: false });
});

const cluster = (state: FailureCluster["state"], code: string | null, vehicles: number) =>
  ({ state, error_code: code, vehicles }) as FailureCluster;

test("vehicles are tried again by their code, whatever they ended as, while the campaign is under way", () => {
  const all = [cluster("failed", "E1", 3), cluster("rolled_back", "E1", 2), cluster("declined", "E1", 7)];
  const running = campaign({ state: "running" });
  expect(all.map((one) => retriable(running, one, all))).toEqual([5, 5, 0]);
  expect(retriable(running, cluster("failed", null, 4), all)).toBe(0);
  expect(retriable(campaign({ state: "running", closing: "cancelled" }), cluster("failed", "E1", 3), all)).toBe(0);
  expect(retriable(campaign({ state: "completed" }), cluster("failed", "E1", 3), all)).toBe(0);
});
