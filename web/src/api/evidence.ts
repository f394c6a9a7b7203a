/** The calls for auditors: the log and its chain, what is stated of releases, the RXSWIN register, dossiers. */

import { answer, client, defined, type Paging } from "./call";
import { ApiError } from "./errors";
import type {
  AuditEntry,
  AuditHead,
  AuditVerification,
  Model,
  NewReleaseEvidence,
  Page,
  ReleaseEvidence,
  Rxswin,
  RxswinSoftware,
  RxswinVehicle,
} from "./model";

export interface AuditFilter {
  actor?: string | undefined;
  action?: string | undefined;
  object?: string | undefined;
  vin?: string | undefined;
  /** ISO 8601, as is `until`. */
  since?: string | undefined;
  until?: string | undefined;
}

export async function listAudit(filter: AuditFilter & Paging, signal: AbortSignal): Promise<Page<AuditEntry>> {
  const page = await answer(client.GET("/api/v1/audit", { params: { query: defined(filter) }, signal }));
  return page as unknown as Page<AuditEntry>;
}

export function getAuditHead(signal: AbortSignal): Promise<AuditHead> {
  return answer(client.GET("/api/v1/audit/head", { signal }));
}

/** Walks the whole chain on the server; `anchor` as `ID:DIGEST`, or empty. */
export function verifyAudit(anchor: string): Promise<AuditVerification> {
  const query = anchor === "" ? {} : { anchor };
  return answer(client.GET("/api/v1/audit/verification", { params: { query } }));
}

/** Where all entries that a filter leaves are; the browser downloads them with the session's cookie. */
export function auditExportAddress(filter: AuditFilter): string {
  const query = new URLSearchParams(defined(filter) as Record<string, string>).toString();
  return `/api/v1/audit/export${query === "" ? "" : `?${query}`}`;
}

/** What is stated of a release; `null` when nothing is yet. */
export async function getEvidence(release: number, signal: AbortSignal): Promise<ReleaseEvidence | null> {
  try {
    return await answer(client.GET("/api/v1/releases/{id}/evidence", { params: { path: { id: release } }, signal }));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

export function putEvidence(release: number, body: NewReleaseEvidence): Promise<ReleaseEvidence> {
  return answer(client.PUT("/api/v1/releases/{id}/evidence", { params: { path: { id: release } }, body }));
}

export function setModelReview(model: string, required: boolean): Promise<Model> {
  return answer(client.PUT("/api/v1/models/{model}/review", { params: { path: { model } }, body: { required } }));
}

export function listRxswins(paging: Paging, signal: AbortSignal): Promise<Page<Rxswin>> {
  return answer(client.GET("/api/v1/rxswins", { params: { query: defined(paging) }, signal }));
}

export function getRxswin(rxswin: string, signal: AbortSignal): Promise<RxswinSoftware> {
  return answer(client.GET("/api/v1/rxswins/{rxswin}", { params: { path: { rxswin } }, signal }));
}

export function listRxswinVehicles(rxswin: string, paging: Paging, signal: AbortSignal): Promise<Page<RxswinVehicle>> {
  const params = { path: { rxswin }, query: defined(paging) };
  return answer(client.GET("/api/v1/rxswins/{rxswin}/vehicles", { params, signal }));
}

export type DossierFormat = "html" | "json";
/** The most vehicles that the API puts into a campaign's dossier at once. */
const DOSSIER_VEHICLES = 1000;

/** Where a dossier is; the browser opens it with the session's cookie. */
export function dossierAddress(of: { campaign: number } | { vin: string }, format: DossierFormat): string {
  return "campaign" in of
    ? `/api/v1/campaigns/${of.campaign}/dossier?format=${format}&limit=${DOSSIER_VEHICLES}`
    : `/api/v1/vehicles/${encodeURIComponent(of.vin)}/dossier?format=${format}`;
}
