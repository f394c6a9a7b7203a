/**
 * Who is signed in. The token itself is in a cookie that no script can read; what is known here is only whose it is,
 * asked of the server once per tab.
 */

import type { Role, Session } from "./model";

type Listener = (reason: "signed_out" | "refused") => void;
const listeners = new Set<Listener>();

/** `undefined` while nobody has asked the server yet, `null` when nobody is signed in. */
let known: Session | null | undefined;

export function currentSession(): Session | null | undefined {
  return known;
}

export function beginSession(session: Session | null): void {
  known = session;
}

/** Ends the session; `refused` when the server no longer takes the token. */
export function endSession(reason: "signed_out" | "refused"): void {
  const wasKnown = known != null;
  known = null;
  if (!wasKnown) return;
  listeners.forEach((listener) => {
    listener(reason);
  });
}

export function onSessionEnd(listener: Listener): void {
  listeners.add(listener);
}

/** Each may do what the ones before it may. */
export const ROLES: readonly Role[] = ["viewer", "engineer", "approver", "admin"];

/** Whether the person signed in may do what needs `role`. The server asks again, whatever is shown. */
export function may(role: Role): boolean {
  return known != null && ROLES.indexOf(known.role) >= ROLES.indexOf(role);
}
