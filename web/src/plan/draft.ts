/** A campaign while it is written: all of its fields, what the server takes of them, and what is wrong where. */

import type { Campaign, CampaignChange, NewCampaign } from "../api/model";
import { localField, timeOfField } from "../format/field";
import { text } from "../i18n";
import { NEW_POLICY, readPolicy, writtenPolicy, type DraftPolicy } from "./policy";
import { type Faults, Reader } from "./typed";
import { draftGate, draftWaves, readRamp, readWaves, writtenWaves, type DraftRamp, type DraftWave } from "./waves";

export const STEPS = ["release", "target", "waves", "policies", "schedule", "review"] as const;
export type Step = (typeof STEPS)[number];

export interface Draft {
  release: number | undefined;
  target: string;
  /** Whether its waves are those of `waves` or those that `ramp` makes. */
  ramps: boolean;
  waves: readonly DraftWave[];
  ramp: DraftRamp;
  policy: DraftPolicy;
  /** Not typed yet, the release's. */
  name: string | undefined;
  /** As the browser's own field has it: local time without a zone, or empty. */
  startAt: string;
  deadline: string;
  precondition: string;
  priority: string;
}

const WEEK_MS = 7 * 86_400_000;

/** A week from `now`, on the hour. */
export function deadlineFrom(now: number): string {
  const time = new Date(now + WEEK_MS);
  time.setMinutes(0, 0, 0);
  return localField(time);
}

export function newDraft(release: number | undefined, now: number): Draft {
  return {
    release,
    target: "true",
    ramps: false,
    waves: draftWaves([5, 25, 70], 90),
    ramp: { first: "1", factor: "3", gate: draftGate(90) },
    policy: NEW_POLICY,
    name: undefined,
    startAt: "",
    deadline: deadlineFrom(now),
    precondition: "",
    priority: "0",
  };
}

export interface Read {
  request: NewCampaign;
  faults: Faults;
}

/** `name`: what stands for one that nobody typed. */
export function read(draft: Draft, name: string): Read {
  const reader = new Reader();
  const precondition = draft.precondition.trim();
  const deadline = timeOfField(draft.deadline);
  if (draft.release === undefined) reader.fault("/release", text().plan.needed);
  if (deadline === undefined) reader.fault("/deadline", text().wizard.deadlinePast);
  if (draft.startAt !== "" && !(Date.parse(draft.startAt) < Date.parse(draft.deadline))) {
    reader.fault("/start_at", text().wizard.startLate);
  }
  const plan = draft.ramps ? { ramp: readRamp(draft.ramp, reader) } : { waves: readWaves(draft.waves, reader) };
  const request: NewCampaign = {
    name: reader.words("/name", draft.name ?? name),
    release: draft.release ?? 0,
    target: draft.target,
    ...plan,
    policy: readPolicy(draft.policy, precondition !== "", reader),
    deadline: deadline ?? "",
    start_at: draft.startAt === "" ? null : (timeOfField(draft.startAt) ?? null),
    precondition: precondition === "" ? null : draft.precondition,
    priority: reader.whole("/priority", draft.priority, { least: -1000, most: 1000 }) ?? 0,
  };
  return { request, faults: reader.faults };
}

/** What is wrong with the times as of `now`; told apart, for it becomes so by itself. */
export function lateness(draft: Draft, now: number): Faults {
  return Date.parse(draft.deadline) <= now ? { "/deadline": text().wizard.deadlinePast } : {};
}

const SCHEDULE = ["name", "start_at", "deadline", "precondition", "priority"];

/** Where in the wizard the field at a pointer is. */
export function stepOf(pointer: string): Step {
  const [, first = "", second] = pointer.split("/");
  if (first === "policy") {
    if (second === "membership") return "target";
    return second === "precondition_waiver" ? "schedule" : "policies";
  }
  if (first === "waves" || first === "ramp") return "waves";
  if (SCHEDULE.includes(first)) return "schedule";
  return first === "release" ? "release" : "target";
}

/** A campaign that has not started, to be written on; `vins` by wave, from its review. */
export function writtenDraft(campaign: Campaign, vins: readonly (readonly string[])[]): Draft {
  return {
    ...newDraft(campaign.release, 0),
    target: campaign.target,
    waves: writtenWaves(campaign.waves, vins),
    policy: writtenPolicy(campaign.policy),
    name: campaign.name,
    startAt: campaign.start_at == null ? "" : localField(new Date(campaign.start_at)),
    deadline: localField(new Date(campaign.deadline)),
    precondition: campaign.precondition ?? "",
    priority: String(campaign.priority),
  };
}

/** Only what is another than in `before`: what nobody touched keeps what fields do not show, such as seconds. */
export function changeOf(before: NewCampaign, after: NewCampaign): CampaignChange {
  const known = new Map<string, unknown>(Object.entries(before));
  const changed = Object.entries(after).filter(
    ([name, value]) => name !== "release" && JSON.stringify(known.get(name)) !== JSON.stringify(value),
  );
  return Object.fromEntries(changed) as CampaignChange;
}
