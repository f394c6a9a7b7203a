/** What is offered to whom: only what the campaign takes now, what the role may, and what would not be refused. */

import type { ActName } from "../api/acts";
import type { Campaign, CampaignReview, Command, FailureCluster } from "../api/model";
import { COMMANDS } from "../api/model";

export type Offer = Command | "submit" | "approveWave";

/** Whoever looks at it. */
export interface Reader {
  /** As in the log. */
  name: string;
  can: (act: ActName) => boolean;
}

/** Whether a campaign in this state may still be held up by its review. */
export function isBeforeReview(campaign: Campaign): boolean {
  return campaign.state === "draft" || campaign.state === "in_review";
}

/** `stopped`: nothing starts or resumes during an emergency stop. `review`: undefined while it is not known. */
export function offers(campaign: Campaign, review: CampaignReview | undefined, stopped: boolean, reader: Reader): Offer[] {
  const held = isBeforeReview(campaign) && review?.may_start !== true;
  const takes = (command: Command): boolean => {
    if (!campaign.allowed.includes(command) || !reader.can(command)) return false;
    if (command === "start") return !stopped && !held;
    return command !== "resume" || !stopped;
  };
  const offered: Offer[] = COMMANDS.filter(takes);
  if (review?.required === true && mayBeSubmitted(campaign, reader)) offered.unshift("submit");
  if (waveToApprove(campaign) !== undefined && reader.can("approveWave")) offered.unshift("approveWave");
  return offered;
}

export function mayBeSubmitted(campaign: Campaign, reader: Reader): boolean {
  return campaign.allowed.includes("submit") && reader.can("submit");
}

/** The wave whose gate waits for nothing but a person. */
export function waveToApprove(campaign: Campaign): number | undefined {
  const { code, wants, wave } = campaign.waiting_on;
  return code === "gate" && wants === "approval" ? wave : undefined;
}

export interface ReviewOffers {
  approve: boolean;
  reject: boolean;
  /** They wrote or last changed it, so another person must approve it. */
  ownWork: boolean;
}

export function reviewOffers(campaign: Campaign, review: CampaignReview, reader: Reader): ReviewOffers {
  const waits = campaign.allowed.includes("approve") && !review.may_start;
  const ownWork = review.authors.includes(reader.name);
  return {
    approve: waits && !ownWork && reader.can("approve"),
    reject: campaign.allowed.includes("reject") && reader.can("reject"),
    ownWork: waits && ownWork && reader.can("approve"),
  };
}

/** Ends that another attempt may follow. */
const RETRIED: readonly FailureCluster["state"][] = ["failed", "rolled_back", "timed_out"];

/**
 * How many vehicles another attempt for the cluster's code would be for: the API chooses by code, so those that ended
 * otherwise with the same code are among them. Nothing when it cannot be asked for.
 */
export function retriable(campaign: Campaign, cluster: FailureCluster, all: readonly FailureCluster[]): number {
  const underWay = ["running", "paused", "halted"].includes(campaign.state) && campaign.closing == null;
  if (!underWay || cluster.error_code == null || !RETRIED.includes(cluster.state)) return 0;
  const alike = all.filter((one) => one.error_code === cluster.error_code && RETRIED.includes(one.state));
  return alike.reduce((sum, one) => sum + one.vehicles, 0);
}
