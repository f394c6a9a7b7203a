/** A campaign while it is being written, and what still has to be mended before the next step. */

import type { ApiError } from "../../api/errors";
import type { NewCampaign } from "../../api/model";
import { text } from "../../i18n";
import { localField } from "../../format/field";
import { formatCount } from "../../format/number";
import { checkedPlan, isPlan, type DraftWave } from "../../rollout/plan";

export const STEPS = ["release", "target", "waves", "schedule", "review"] as const;

export interface Draft {
  release: number | undefined;
  target: string;
  waves: DraftWave[];
  /** Not typed yet, the release's. */
  name: string | undefined;
  /** As the browser's own field has it: local time without a zone, or empty. */
  startAt: string;
  deadline: string;
  precondition: string;
  /** Whether vehicles that come to match later join. */
  continuous: boolean;
}

const WEEK_MS = 7 * 86_400_000;

/** A week from `now`, on the hour. */
export function deadlineFrom(now: number): string {
  const time = new Date(now + WEEK_MS);
  time.setMinutes(0, 0, 0);
  return localField(time);
}

export function wavesFault(waves: readonly DraftWave[]): string | undefined {
  const plan = checkedPlan(waves);
  if (isPlan(plan)) return undefined;
  const t = text().wizard;
  return plan.kind === "sum" ? t.sum(`${formatCount(Math.round(plan.ratio * 1000) / 10)} %`) : t.shareRange;
}

export function deadlineFault(draft: Draft, now: number): string | undefined {
  return Date.parse(draft.deadline) > now ? undefined : text().wizard.deadlinePast;
}

export function startFault(draft: Draft): string | undefined {
  if (draft.startAt === "" || Date.parse(draft.startAt) < Date.parse(draft.deadline)) return undefined;
  return text().wizard.startLate;
}

/** Why a step cannot be left yet; the field itself says more. */
export function stepFault(
  step: number,
  draft: Draft & { name: string },
  preview: ApiError | undefined,
  now: number,
): string | undefined {
  switch (STEPS[step]) {
    case "release":
      return draft.release === undefined ? text().wizard.releaseLead : undefined;
    case "target":
      return preview?.pointer === "/target" ? preview.message : undefined;
    case "waves":
      return wavesFault(draft.waves);
    case "schedule":
      return (draft.name.trim() === "" ? text().wizard.name : undefined) ?? deadlineFault(draft, now) ?? startFault(draft);
    default:
      return undefined;
  }
}

export function asRequest(draft: Draft & { name: string }): NewCampaign {
  const plan = checkedPlan(draft.waves);
  return {
    name: draft.name.trim(),
    release: draft.release ?? 0,
    target: draft.target,
    waves: isPlan(plan) ? plan : [],
    deadline: new Date(draft.deadline).toISOString(),
    ...(draft.startAt === "" ? {} : { start_at: new Date(draft.startAt).toISOString() }),
    ...(draft.precondition.trim() === "" ? {} : { precondition: draft.precondition }),
    // What is not said of a policy has its default; the description lists all of it.
    ...(draft.continuous ? { policy: { membership: "continuous" } as NonNullable<NewCampaign["policy"]> } : {}),
  };
}
