/** What a token can be limited to beside its role. */

import type { paths } from "../../api/schema";

type FirstPart<Path> = Path extends `/api/v1/${infer Kind}/${string}`
  ? Kind
  : Path extends `/api/v1/${infer Kind}`
    ? Kind
    : never;
export type CallKind = FirstPart<keyof paths>;

/** Every kind of call that the API has, and no other: one that is new does not compile until it is listed. */
const KINDS: Record<CallKind, true> = {
  artifacts: true,
  audit: true,
  campaigns: true,
  "dead-letters": true,
  "emergency-stop": true,
  events: true,
  fleet: true,
  groups: true,
  models: true,
  releases: true,
  rxswins: true,
  session: true,
  sessions: true,
  tokens: true,
  vehicles: true,
};
export const CALL_KINDS = Object.keys(KINDS) as CallKind[];

/** Nothing chosen is no limit: the API takes that as a field that is not there. */
export function scopeOf(models: readonly string[], calls: readonly string[]): { models?: string[]; calls?: string[] } {
  return {
    ...(models.length === 0 ? {} : { models: [...models] }),
    ...(calls.length === 0 ? {} : { calls: [...calls] }),
  };
}
