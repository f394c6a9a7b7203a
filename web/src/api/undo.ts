/** The way back of a campaign, and whom it left out. */

import { answer, client, defined, type Paging } from "./call";
import type { ExcludedPage, ExclusionReason, Undo } from "./model";

export function getUndo(id: number, signal: AbortSignal): Promise<Undo> {
  return answer(client.GET("/api/v1/campaigns/{id}/undo", { params: { path: { id } }, signal }));
}

/** Prepares drafts that bring the vehicles back to what they ran before. */
export function prepareUndo(id: number): Promise<Undo> {
  return answer(client.POST("/api/v1/campaigns/{id}/undo", { params: { path: { id } } }));
}

export interface ExcludedFilter {
  reason?: ExclusionReason | undefined;
}

/** Whom it left out, and how many for what. */
export function listExcluded(
  id: number,
  filter: ExcludedFilter & Paging,
  signal: AbortSignal,
): Promise<ExcludedPage> {
  const params = { path: { id }, query: defined(filter) };
  return answer(client.GET("/api/v1/campaigns/{id}/excluded", { params, signal }));
}
