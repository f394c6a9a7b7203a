/** The steps to a campaign: who is not ready for its release, and over which releases they come to it. */

import { answer, client } from "./call";
import type { Steps } from "./model";

export function getSteps(id: number, signal: AbortSignal): Promise<Steps> {
  return answer(client.GET("/api/v1/campaigns/{id}/steps", { params: { path: { id } }, signal }));
}

/** Prepares drafts for the releases on the way. */
export function prepareSteps(id: number): Promise<Steps> {
  return answer(client.POST("/api/v1/campaigns/{id}/steps", { params: { path: { id } } }));
}
