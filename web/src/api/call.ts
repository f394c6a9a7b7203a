/** How a call is made and its answer read: the session's cookie goes along, an error comes back as an {@link ApiError}. */

import createClient from "openapi-fetch";
import { ApiError } from "./errors";
import type { paths } from "./schema";
import { endSession } from "./session";

export const client = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** `expected`: whether an answer that nobody is signed in is news of this call, not the end of a session. */
export async function answer<T>(call: Promise<Answer<T>>, expected = false): Promise<T> {
  let got: Answer<T>;
  try {
    got = await call;
  } catch (error) {
    // An aborted call is nobody's error, everything else is a network that failed or a body that is no JSON.
    throw error instanceof DOMException ? error : ApiError.unreachable();
  }
  if (got.response.status === 401 && !expected) endSession("refused");
  if (!got.response.ok) throw ApiError.from(got.response.status, got.error);
  return got.data as T;
}

export interface Paging {
  cursor?: string | undefined;
  limit?: number | undefined;
}

/** Without what is undefined: a missing parameter is not an empty one. */
export function defined<T extends object>(query: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
