/** Asking anew, so that no answer that is older than the question stays on the screen. */

import { notifyManager, type InvalidateQueryFilters, type QueryClient } from "@tanstack/react-query";
import { createPacer } from "./pacer";

/** At most four refreshes a second. */
export const REFRESH_MS = 250;
const pacer = createPacer(REFRESH_MS);
notifyManager.setScheduler((tell) => {
  pacer.schedule(tell);
});

/**
 * Asks again what `filters` name, as `invalidateQueries` does; resolves when it has been answered. A query that is
 * waiting for its very first answer is let finish and then asked once more: `invalidateQueries` joins such a
 * question, and the server may have answered it before what happened since.
 */
export function askAnew(client: QueryClient, filters: InvalidateQueryFilters = {}): Promise<void> {
  return pacer.calmly(asked(client, filters));
}

async function asked(client: QueryClient, filters: InvalidateQueryFilters): Promise<void> {
  const first = client
    .getQueryCache()
    .findAll(filters)
    .filter(({ state }) => state.fetchStatus !== "idle" && state.data === undefined);
  await client.invalidateQueries(filters);
  await Promise.all(first.map(({ queryKey }) => client.invalidateQueries({ queryKey, exact: true })));
}
