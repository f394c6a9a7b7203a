/** The states of assignments and campaigns: their order, their names and their colours, in one place. */

import type { CampaignState } from "../api/model";

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

const LABELS: Record<ShownState, string> = {
  unassigned: "Waiting for their wave",
  assigned: "Assigned",
  offered: "Offered",
  accepted: "Accepted",
  downloading: "Downloading",
  downloaded: "Downloaded",
  installing: "Installing",
  installed: "Installed",
  failed: "Failed",
  rolled_back: "Rolled back",
  declined: "Declined",
  timed_out: "Timed out",
  cancelled: "Cancelled",
  superseded: "Superseded",
};

export function stateLabel(state: ShownState): string {
  return LABELS[state];
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

export interface CampaignLook {
  label: string;
  color: string;
}

export const CAMPAIGN_LOOKS: Record<CampaignState, CampaignLook> = {
  draft: { label: "Draft", color: "var(--state-cancelled)" },
  in_review: { label: "In review", color: "var(--state-declined)" },
  scheduled: { label: "Scheduled", color: "var(--state-superseded)" },
  running: { label: "Running", color: "var(--state-downloading)" },
  paused: { label: "Paused", color: "var(--state-declined)" },
  halted: { label: "Halted", color: "var(--state-failed)" },
  completed: { label: "Completed", color: "var(--state-installed)" },
  cancelled: { label: "Cancelled", color: "var(--state-cancelled)" },
};

export function hasEnded(state: CampaignState): boolean {
  return state === "completed" || state === "cancelled";
}
