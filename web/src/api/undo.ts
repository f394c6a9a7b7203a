/** The way back of a campaign, and whom it left out. */

import { answer, client } from "./call";
import type { ExcludedPage, Undo } from "./model";

export function getUndo(id: number, signal: AbortSignal): Promise<Undo> {
  return answer(client.GET("/api/v1/campaigns/{id}/undo", { params: { path: { id } }, signal }));
}

/** Prepares drafts that bring the vehicles back to what they ran before. */
export function prepareUndo(id: number): Promise<Undo> {
  return answer(client.POST("/api/v1/campaigns/{id}/undo", { params: { path: { id } } }));
}

/** How many were left out for what, and some of them. */
export function listExcluded(id: number, limit: number, signal: AbortSignal): Promise<ExcludedPage> {
  return answer(client.GET("/api/v1/campaigns/{id}/excluded", { params: { path: { id }, query: { limit } }, signal }));
}
