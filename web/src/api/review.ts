/** The calls of people who decide about campaigns: submit, approve, reject, approve a wave, try vehicles again. */

import { answer, client } from "./call";
import type { CampaignChange, CampaignReview, Retried } from "./model";

export async function getReview(id: number, signal: AbortSignal): Promise<CampaignReview> {
  const review = await answer(client.GET("/api/v1/campaigns/{id}/review", { params: { path: { id } }, signal }));
  // The API's description leaves open what is in the content, for new settings are in it from their first day.
  return review as unknown as CampaignReview;
}

/** Changes a campaign that has not started; in review, it is a draft again then. */
export async function changeCampaign(id: number, body: CampaignChange): Promise<void> {
  await answer<unknown>(client.PATCH("/api/v1/campaigns/{id}", { params: { path: { id } }, body }));
}

export async function submitCampaign(id: number, reason: string): Promise<void> {
  const body = reason === "" ? {} : { reason };
  await answer<unknown>(client.POST("/api/v1/campaigns/{id}/submit", { params: { path: { id } }, body }));
}

/** Approves the content with this digest and no other. */
export async function approveCampaign(id: number, digest: string, reason: string): Promise<void> {
  const body = { digest, ...(reason === "" ? {} : { reason }) };
  await answer<unknown>(client.POST("/api/v1/campaigns/{id}/approve", { params: { path: { id } }, body }));
}

export async function rejectCampaign(id: number, reason: string): Promise<void> {
  await answer<unknown>(client.POST("/api/v1/campaigns/{id}/reject", { params: { path: { id } }, body: { reason } }));
}

export async function approveWave(id: number, number: number): Promise<void> {
  await answer<unknown>(client.POST("/api/v1/campaigns/{id}/waves/{number}/approve", { params: { path: { id, number } } }));
}

/** Lets the vehicles whose last attempt failed with this code begin another one. */
export function retryFailed(id: number, errorCode: string): Promise<Retried> {
  const body = { error_code: errorCode };
  return answer(client.POST("/api/v1/campaigns/{id}/retries", { params: { path: { id } }, body }));
}
