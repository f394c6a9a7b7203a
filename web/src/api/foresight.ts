/** The calls that look ahead, at what is to come and at what was forecast, and the one that sorts what failed. */

import { answer, client } from "./call";
import type { CampaignForecast, PastForecasts, Rehearsal, TriageCluster } from "./model";

export interface RehearsalSettings {
  /** Gives the same answer again; the campaign's number without it. */
  seed?: number | undefined;
  /** The share of updates that fail if the release is bad. */
  failure_ratio?: number | undefined;
}

/** Plays the campaign against simulated vehicles; changes nothing. */
export function rehearse(id: number, settings: RehearsalSettings, signal: AbortSignal): Promise<Rehearsal> {
  // What the API takes for what is not said, where its description marks it as always there.
  const body = { runs: RUNS, failure_ratio: settings.failure_ratio ?? FAILURE_RATIO, seed: settings.seed ?? null };
  return answer(client.POST("/api/v1/campaigns/{id}/rehearse", { params: { path: { id } }, body, signal }));
}

/** How often a campaign is played. */
const RUNS = 200;
export const FAILURE_RATIO = 0.05;

export function getForecast(id: number, signal: AbortSignal): Promise<CampaignForecast> {
  return answer(client.GET("/api/v1/campaigns/{id}/forecast", { params: { path: { id } }, signal }));
}

/** What was forecast of it while it ran, the newest first. */
export function listForecasts(id: number, signal: AbortSignal): Promise<PastForecasts> {
  return answer(client.GET("/api/v1/campaigns/{id}/forecasts", { params: { path: { id } }, signal }));
}

/** What failed, by what the vehicles wrote last. */
export async function listTriage(id: number, signal: AbortSignal): Promise<TriageCluster[]> {
  return (await answer(client.GET("/api/v1/campaigns/{id}/triage", { params: { path: { id } }, signal }))).items;
}
