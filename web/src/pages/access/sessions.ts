/** Sessions as they are shown: a person's together. */

import type { PersonSession } from "../../api/model";

/** By person, the last used first, and so are the sessions of each. Two people may have the same name; their actor differs. */
export function byPerson(sessions: readonly PersonSession[]): PersonSession[][] {
  const people = new Map<string, PersonSession[]>();
  for (const session of [...sessions].sort((a, b) => lastUse(b) - lastUse(a))) {
    people.set(session.actor, [...(people.get(session.actor) ?? []), session]);
  }
  return [...people.values()];
}

const lastUse = (session: PersonSession) => Date.parse(session.last_used_at ?? session.created_at);
