/** A campaign's settings as fields, and back to what is asked of the API: only what is another. */

import type { Campaign, CampaignChange } from "../../api/model";
import { localField, timeOfField } from "../../format/field";

export interface DraftFields {
  name: string;
  /** As a `datetime-local` field has it; empty for none. */
  startAt: string;
  deadline: string;
  priority: string;
}

export function draftOf(campaign: Campaign): DraftFields {
  return {
    name: campaign.name,
    startAt: campaign.start_at == null ? "" : localField(new Date(campaign.start_at)),
    deadline: localField(new Date(campaign.deadline)),
    priority: String(campaign.priority),
  };
}

/** Undefined while a field cannot be understood. What was not touched keeps its seconds, which fields do not show. */
export function changeOf(campaign: Campaign, draft: DraftFields): CampaignChange | undefined {
  const before = draftOf(campaign);
  const change: CampaignChange = {};
  const deadline = timeOfField(draft.deadline);
  const priority = draft.priority.trim();
  if (draft.name.trim() === "" || deadline === undefined || !/^-?\d{1,4}$/.test(priority)) return undefined;
  if (draft.name.trim() !== before.name) change.name = draft.name.trim();
  if (draft.startAt !== before.startAt) change.start_at = timeOfField(draft.startAt) ?? null;
  if (draft.deadline !== before.deadline) change.deadline = deadline;
  if (priority !== before.priority) change.priority = Number(priority);
  return change;
}
