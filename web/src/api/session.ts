/**
 * Who is signed in: an API token, kept for the life of this tab. Not in `localStorage`, where it would outlive
 * the person at the keyboard.
 */

const KEY = "otaru.token";
type Listener = (reason: "signed_out" | "refused") => void;
const listeners = new Set<Listener>();

export function currentToken(): string | null {
  return sessionStorage.getItem(KEY);
}

export function beginSession(token: string): void {
  sessionStorage.setItem(KEY, token);
}

/** Ends the session; `refused` when the server no longer takes the token. */
export function endSession(reason: "signed_out" | "refused"): void {
  if (currentToken() === null) return;
  sessionStorage.removeItem(KEY);
  listeners.forEach((listener) => {
    listener(reason);
  });
}

export function onSessionEnd(listener: Listener): void {
  listeners.add(listener);
}
