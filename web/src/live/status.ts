/** Whether what is on the screen is live: one fact, set by the page's stream and shown in the header. */

import { useSyncExternalStore } from "react";
import type { LiveStatus } from "./connection";

let current: LiveStatus = { state: "connecting" };
const listeners = new Set<() => void>();

export function setLiveStatus(status: LiveStatus): void {
  current = status;
  listeners.forEach((listener) => {
    listener();
  });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLiveStatus(): LiveStatus {
  return useSyncExternalStore(subscribe, () => current);
}
