/** The calls about people who are signed in by an OpenID provider. */

import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "./call";
import type { PersonSession } from "./model";
import { keys } from "./queries";

/** More than anybody looks through. */
const MOST = 1000;

/** An admin sees everybody's, all others their own. */
export const sessionsQuery = queryOptions({
  queryKey: keys.sessions,
  queryFn: async ({ signal }): Promise<PersonSession[]> =>
    (await answer(client.GET("/api/v1/sessions", { params: { query: { limit: MOST } }, signal }))).items,
});

export async function endPersonSession(id: string): Promise<void> {
  await answer<unknown>(client.DELETE("/api/v1/sessions/{id}", { params: { path: { id } } }));
}

/** Ends all sessions of a person. */
export async function endPersonSessions(actor: string): Promise<void> {
  await answer<unknown>(client.DELETE("/api/v1/sessions", { params: { query: { actor } } }));
}
