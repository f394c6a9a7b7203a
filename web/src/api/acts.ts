/** What people may do beyond reading, and the role that the API asks for; a test holds it against its description. */

import type { Role } from "./model";
import { may } from "./session";

interface Act {
  call: `${"POST" | "PUT" | "PATCH" | "DELETE"} /${string}`;
  role: Role;
}

export const ACTS = {
  start: { call: "POST /campaigns/{id}/start", role: "engineer" },
  pause: { call: "POST /campaigns/{id}/pause", role: "engineer" },
  resume: { call: "POST /campaigns/{id}/resume", role: "engineer" },
  cancel: { call: "POST /campaigns/{id}/cancel", role: "engineer" },
  change: { call: "PATCH /campaigns/{id}", role: "engineer" },
  submit: { call: "POST /campaigns/{id}/submit", role: "engineer" },
  approve: { call: "POST /campaigns/{id}/approve", role: "approver" },
  reject: { call: "POST /campaigns/{id}/reject", role: "approver" },
  approveWave: { call: "POST /campaigns/{id}/waves/{number}/approve", role: "approver" },
  retry: { call: "POST /campaigns/{id}/retries", role: "engineer" },
  rehearse: { call: "POST /campaigns/{id}/rehearse", role: "engineer" },
  prepareSteps: { call: "POST /campaigns/{id}/steps", role: "engineer" },
  undo: { call: "POST /campaigns/{id}/undo", role: "engineer" },
  stop: { call: "PUT /emergency-stop", role: "engineer" },
  lift: { call: "DELETE /emergency-stop", role: "admin" },
  recall: { call: "POST /releases/{id}/recall", role: "engineer" },
  stateEvidence: { call: "PUT /releases/{id}/evidence", role: "approver" },
  optOut: { call: "PATCH /vehicles/{vin}", role: "engineer" },
  createGroup: { call: "POST /groups", role: "engineer" },
  changeGroup: { call: "PATCH /groups/{group}", role: "engineer" },
  deleteGroup: { call: "DELETE /groups/{group}", role: "engineer" },
  changeGroupVehicles: { call: "POST /groups/{group}/vehicles", role: "engineer" },
  rotateKey: { call: "POST /models/{model}/keys", role: "admin" },
  revokeKey: { call: "DELETE /models/{model}/keys/{key}", role: "admin" },
  putRoot: { call: "PUT /models/{model}/root", role: "admin" },
  putTargets: { call: "PUT /models/{model}/targets", role: "approver" },
  encrypt: { call: "PUT /models/{model}/encryption", role: "admin" },
  endSession: { call: "DELETE /sessions/{id}", role: "admin" },
  endSessions: { call: "DELETE /sessions", role: "admin" },
  capBandwidth: { call: "PUT /models/{model}/bandwidth", role: "admin" },
  requireReview: { call: "PUT /models/{model}/review", role: "admin" },
} as const satisfies Record<string, Act>;
export type ActName = keyof typeof ACTS;

/** Whether whoever is signed in has the role for it. The server asks again, whatever is shown. */
export function mayAct(act: ActName): boolean {
  return may(ACTS[act].role);
}
