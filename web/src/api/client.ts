/** The calls the dashboard makes, typed by the generated OpenAPI types. Nothing else knows `schema.d.ts`. */

import createClient from "openapi-fetch";
import { ApiError } from "./errors";
import type { Campaign, Command, Fleet, Page, Release } from "./model";
import type { paths } from "./schema";
import { currentToken, endSession } from "./session";

const client = createClient<paths>({ baseUrl: "/" });

client.use({
  onRequest({ request }) {
    const token = currentToken();
    if (token !== null) request.headers.set("authorization", `Bearer ${token}`);
    return request;
  },
  onResponse({ response }) {
    if (response.status === 401) endSession("refused");
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

async function answer<T>(call: Promise<Answer<T>>): Promise<T> {
  let got: Answer<T>;
  try {
    got = await call;
  } catch (error) {
    // An aborted call is nobody's error, everything else is a network that failed or a body that is no JSON.
    throw error instanceof DOMException ? error : ApiError.unreachable();
  }
  if (!got.response.ok || got.data === undefined) throw ApiError.from(got.response.status, got.error);
  return got.data;
}

export function getFleet(signal: AbortSignal): Promise<Fleet> {
  return answer(client.GET("/api/v1/fleet", { signal }));
}

export function listCampaigns(cursor: string | undefined, signal: AbortSignal): Promise<Page<Campaign>> {
  const query = { limit: 50, ...(cursor === undefined ? {} : { cursor }) };
  return answer(client.GET("/api/v1/campaigns", { params: { query }, signal }));
}

export function getCampaign(id: number, signal: AbortSignal): Promise<Campaign> {
  return answer(client.GET("/api/v1/campaigns/{id}", { params: { path: { id } }, signal }));
}

export function getRelease(id: number, signal: AbortSignal): Promise<Release> {
  return answer(client.GET("/api/v1/releases/{id}", { params: { path: { id } }, signal }));
}

/** Asks something of a campaign, with a reason for those who read its timeline. */
export async function command(id: number, what: Command, reason: string): Promise<void> {
  const init = { params: { path: { id } }, body: reason === "" ? {} : { reason } };
  const calls = {
    start: () => client.POST("/api/v1/campaigns/{id}/start", init),
    pause: () => client.POST("/api/v1/campaigns/{id}/pause", init),
    resume: () => client.POST("/api/v1/campaigns/{id}/resume", init),
    cancel: () => client.POST("/api/v1/campaigns/{id}/cancel", init),
  };
  await answer<unknown>(calls[what]());
}

/** Whether the server takes `token`; throws when it cannot be asked. */
export async function checkToken(token: string): Promise<boolean> {
  const response = await fetch("/api/v1/fleet", { headers: { authorization: `Bearer ${token}` } }).catch(() => {
    throw ApiError.unreachable();
  });
  if (response.status === 401) return false;
  if (!response.ok) throw ApiError.from(response.status, await response.json().catch(() => undefined));
  return true;
}
