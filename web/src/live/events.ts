/** A timeline comes from two sides: from a call, and from the stream while that call is under way. */

import type { LiveEvent } from "../api/model";

/** `known` with `news`, each event once, oldest first. */
export function withEvents(known: readonly LiveEvent[], news: readonly LiveEvent[]): LiveEvent[] {
  const byId = new Map([...known, ...news].map((event) => [event.id, event]));
  return [...byId.values()].sort((a, b) => a.id - b.id);
}
