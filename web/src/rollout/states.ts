/** The states of assignments and campaigns: their order, their names and their colours, in one place. */

import type { CampaignState, ExclusionReason } from "../api/model";
import { text } from "../i18n";

/** The steps of an attempt, in the order a vehicle takes them. */
export const STEPS = [
  "assigned",
  "offered",
  "accepted",
  "downloading",
  "downloaded",
  "installing",
  "installed",
] as const;

/** The ends of an attempt that are not `installed`. */
export const EXITS = ["failed", "rolled_back", "declined", "timed_out", "cancelled", "superseded"] as const;

export type AssignmentState = (typeof STEPS)[number] | (typeof EXITS)[number];
/** Members whose wave is not open yet have no assignment; the dashboard shows them as a state of its own. */
export type ShownState = AssignmentState | "unassigned";

export const ASSIGNMENT_STATES: readonly AssignmentState[] = [...STEPS, ...EXITS];

/** Whether an attempt in this state has ended. */
export function isOver(state: AssignmentState): boolean {
  return state === "installed" || EXITS.some((exit) => exit === state);
}

export function stateLabel(state: ShownState): string {
  return text().states[state];
}

/** The CSS colour of a state, for light and dark (see `styles/global.css`). */
export function stateColor(state: ShownState): string {
  return `var(--state-${state.replace("_", "-")})`;
}

/** The order within a bar: what is finished on the left and together, then the furthest step first. */
export const BAR_ORDER: readonly AssignmentState[] = [
  "installed",
  ...EXITS,
  ...STEPS.filter((step) => step !== "installed").reverse(),
];

export const CAMPAIGN_STATES = [
  "draft",
  "in_review",
  "scheduled",
  "running",
  "paused",
  "halted",
  "completed",
  "cancelled",
] as const satisfies readonly CampaignState[];

/** Why a vehicle is left out, in the order in which the server looks. */
export const EXCLUSION_REASONS = [
  "opted_out",
  "no_credentials",
  "cannot_sign",
  "cannot_decrypt",
  "precondition_not_evaluated",
  "incompatible_hardware",
  "already_there",
  "dependency_not_met",
] as const satisfies readonly ExclusionReason[];

const CAMPAIGN_COLORS: Record<CampaignState, string> = {
  draft: "var(--state-cancelled)",
  in_review: "var(--state-declined)",
  scheduled: "var(--state-superseded)",
  running: "var(--state-downloading)",
  paused: "var(--state-declined)",
  halted: "var(--state-failed)",
  completed: "var(--state-installed)",
  cancelled: "var(--state-cancelled)",
};

export function campaignLook(state: CampaignState): { label: string; color: string } {
  return { label: text().campaignStates[state], color: CAMPAIGN_COLORS[state] };
}

/** Whether it may still be rehearsed, changed and reviewed: nothing of it has reached a vehicle. */
export function hasNotStarted(state: CampaignState): boolean {
  return state === "draft" || state === "in_review" || state === "scheduled";
}

export function hasEnded(state: CampaignState): boolean {
  return state === "completed" || state === "cancelled";
}
