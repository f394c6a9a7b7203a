/** The calls the dashboard makes, typed by the generated OpenAPI types. The session's cookie goes with each. */

import { answer, client, defined, type Paging } from "./call";
import { ApiError } from "./errors";
import type {
  Artifact,
  Assignment,
  BurnUp,
  Campaign,
  CampaignState,
  Command,
  DeadLetter,
  DropList,
  Ecu,
  EcuVersion,
  FailureCluster,
  Fleet,
  HardwareVersions,
  IssuedToken,
  LiveEvent,
  Model,
  NewCampaign,
  NewModel,
  NewRelease,
  NewToken,
  Page,
  Preview,
  Release,
  Session,
  SignInOptions,
  Token,
  Vehicle,
  VehicleAssignment,
  WhyNot,
} from "./model";
import type { paths } from "./schema";
import { endSession } from "./session";

/** Who is signed in in this browser; `null` when nobody is. */
export async function getSession(): Promise<Session | null> {
  try {
    return await answer(client.GET("/api/v1/session"), true);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/** Signs in; `null` when the server does not take the token. */
export async function signIn(token: string): Promise<Session | null> {
  try {
    return await answer(client.POST("/api/v1/session", { body: { token } }), true);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/** The ways to sign in beside a token. */
export function getSignInOptions(signal: AbortSignal): Promise<SignInOptions> {
  return answer(client.GET("/api/v1/session/options", { signal }), true);
}

export async function signOut(): Promise<void> {
  await answer<unknown>(client.DELETE("/api/v1/session"), true);
}

export function getFleet(signal: AbortSignal): Promise<Fleet> {
  return answer(client.GET("/api/v1/fleet", { signal }));
}

export async function getVersions(model: string | undefined, signal: AbortSignal): Promise<HardwareVersions[]> {
  const query = model === undefined ? {} : { model };
  return (await answer(client.GET("/api/v1/fleet/versions", { params: { query }, signal }))).items;
}

export interface CampaignFilter {
  state?: CampaignState | undefined;
  release?: number | undefined;
}

export function listCampaigns(filter: CampaignFilter & Paging, signal: AbortSignal): Promise<Page<Campaign>> {
  return answer(client.GET("/api/v1/campaigns", { params: { query: defined(filter) }, signal }));
}

export function getCampaign(id: number, signal: AbortSignal): Promise<Campaign> {
  return answer(client.GET("/api/v1/campaigns/{id}", { params: { path: { id } }, signal }));
}

export function createCampaign(body: NewCampaign, key: string): Promise<Campaign> {
  return answer(client.POST("/api/v1/campaigns", { body, params: { header: { "Idempotency-Key": key } } }));
}

export function previewCampaign(
  body: paths["/api/v1/campaigns/preview"]["post"]["requestBody"]["content"]["application/json"],
  signal?: AbortSignal,
): Promise<Preview> {
  return answer(client.POST("/api/v1/campaigns/preview", { body, ...(signal === undefined ? {} : { signal }) }));
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

/** A campaign has few events: its changes of state and its waves. */
export async function listCampaignEvents(id: number, signal: AbortSignal): Promise<LiveEvent[]> {
  const params = { path: { id }, query: { limit: 1000 } };
  const page: { items: unknown } = await answer(client.GET("/api/v1/campaigns/{id}/events", { params, signal }));
  return page.items as LiveEvent[];
}

export async function listFailures(id: number, signal: AbortSignal): Promise<FailureCluster[]> {
  return (await answer(client.GET("/api/v1/campaigns/{id}/failures", { params: { path: { id } }, signal }))).items;
}

/** At which step vehicles left, and why. */
export function getDrops(id: number, signal: AbortSignal): Promise<DropList> {
  return answer(client.GET("/api/v1/campaigns/{id}/drops", { params: { path: { id } }, signal }));
}

export function getBurnUp(id: number, signal: AbortSignal): Promise<BurnUp> {
  return answer(client.GET("/api/v1/campaigns/{id}/burn-up", { params: { path: { id } }, signal }));
}

export interface AssignmentFilter {
  state?: Assignment["state"] | undefined;
  wave?: number | undefined;
  error_code?: string | undefined;
  /** ISO 8601, as is `until`: when they came to the state they are in. */
  since?: string | undefined;
  until?: string | undefined;
}

/** What stands first between the vehicle and the campaign's update; nothing when it is installed. */
export async function getWhyNot(id: number, vin: string, signal: AbortSignal): Promise<WhyNot | null> {
  const params = { path: { id, vin } };
  const { why_not } = await answer(client.GET("/api/v1/campaigns/{id}/vehicles/{vin}/why-not-now", { params, signal }));
  return why_not ?? null;
}

export function listAssignments(
  id: number,
  filter: AssignmentFilter & Paging,
  signal: AbortSignal,
): Promise<Page<Assignment>> {
  const params = { path: { id }, query: defined(filter) };
  return answer(client.GET("/api/v1/campaigns/{id}/assignments", { params, signal }));
}

export interface VehicleFilter {
  model?: string | undefined;
  region?: string | undefined;
  tag?: string | undefined;
  vin_prefix?: string | undefined;
}

export function listVehicles(filter: VehicleFilter & Paging, signal: AbortSignal): Promise<Page<Vehicle>> {
  return answer(client.GET("/api/v1/vehicles", { params: { query: defined(filter) }, signal }));
}

export function getVehicle(vin: string, signal: AbortSignal): Promise<Vehicle> {
  return answer(client.GET("/api/v1/vehicles/{vin}", { params: { path: { vin } }, signal }));
}

export function setOptedOut(vin: string, optedOut: boolean): Promise<Vehicle> {
  const body = { opted_out: optedOut };
  return answer(client.PATCH("/api/v1/vehicles/{vin}", { params: { path: { vin } }, body }));
}

/** What the vehicle's ECUs ran `at` a time; now without one. */
export async function listEcus(vin: string, at: string | undefined, signal: AbortSignal): Promise<Ecu[]> {
  const params = { path: { vin }, query: defined({ at }) };
  return (await answer(client.GET("/api/v1/vehicles/{vin}/ecus", { params, signal }))).items;
}

/** What the vehicle's ECUs came to run, the newest change first. */
export async function listEcuHistory(vin: string, signal: AbortSignal): Promise<EcuVersion[]> {
  return (await answer(client.GET("/api/v1/vehicles/{vin}/ecus/history", { params: { path: { vin } }, signal }))).items;
}

export async function listVehicleAssignments(vin: string, signal: AbortSignal): Promise<VehicleAssignment[]> {
  return (await answer(client.GET("/api/v1/vehicles/{vin}/assignments", { params: { path: { vin } }, signal }))).items;
}

export function listModels(paging: Paging, signal: AbortSignal): Promise<Page<Model>> {
  return answer(client.GET("/api/v1/models", { params: { query: defined(paging) }, signal }));
}

export function createModel(body: NewModel): Promise<Model> {
  return answer(client.POST("/api/v1/models", { body }));
}

export function listReleases(paging: Paging, signal: AbortSignal): Promise<Page<Release>> {
  return answer(client.GET("/api/v1/releases", { params: { query: defined(paging) }, signal }));
}

export function getRelease(id: number, signal: AbortSignal): Promise<Release> {
  return answer(client.GET("/api/v1/releases/{id}", { params: { path: { id } }, signal }));
}

export function createRelease(body: NewRelease): Promise<Release> {
  return answer(client.POST("/api/v1/releases", { body }));
}

export function lockRelease(id: number): Promise<Release> {
  return answer(client.POST("/api/v1/releases/{id}/lock", { params: { path: { id } } }));
}

export function getArtifact(sha256: string, signal: AbortSignal): Promise<Artifact> {
  return answer(client.GET("/api/v1/artifacts/{sha256}", { params: { path: { sha256 } }, signal }));
}

/** Uploads a file as it is; `progress` hears how much of it has gone, 0 to 1. */
export function uploadArtifact(file: File, progress: (ratio: number) => void): Promise<Artifact> {
  // `fetch` does not tell how far an upload is.
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/artifacts?file_name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) progress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status === 401) endSession("refused");
      if (request.status < 300) resolve(request.response as Artifact);
      else reject(ApiError.from(request.status, request.response));
    };
    request.onerror = () => {
      reject(ApiError.unreachable());
    };
    request.send(file);
  });
}

export function listDeadLetters(paging: Paging, signal: AbortSignal): Promise<Page<DeadLetter>> {
  return answer(client.GET("/api/v1/dead-letters", { params: { query: defined(paging) }, signal }));
}

/** Sends a dead letter again; with a `value`, mended. */
export function replayDeadLetter(id: number, value: string | undefined): Promise<DeadLetter> {
  const body = value === undefined ? {} : { value };
  return answer(client.POST("/api/v1/dead-letters/{id}/replay", { params: { path: { id } }, body }));
}

export function listTokens(paging: Paging, signal: AbortSignal): Promise<Page<Token>> {
  return answer(client.GET("/api/v1/tokens", { params: { query: defined(paging) }, signal }));
}

export function createToken(body: NewToken): Promise<IssuedToken> {
  return answer(client.POST("/api/v1/tokens", { body }));
}

export async function revokeToken(id: string): Promise<void> {
  await answer<unknown>(client.DELETE("/api/v1/tokens/{id}", { params: { path: { id } } }));
}
