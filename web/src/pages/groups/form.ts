/** A group as its form has it. */

import type { Group, GroupChange, NewGroup } from "../../api/model";

export type Kind = "list" | "dynamic";

export interface GroupDraft {
  name: string;
  /** Not typed yet, it follows from the name. */
  id: string | undefined;
  kind: Kind;
  expression: string;
}

export function kindOf(group: Group): Kind {
  return group.expression == null ? "list" : "dynamic";
}

/** `Winter testers, Norway` becomes `winter-testers-norway`. */
export function idFrom(name: string): string {
  const plain = name.toLowerCase().replaceAll("ß", "ss").normalize("NFD").replace(/\p{M}/gu, "");
  const id = plain.replace(/[^a-z0-9]+/g, "-").slice(0, 64);
  return id.replace(/^-|-$/g, "");
}

/** Undefined while something is missing. */
export function newGroupOf({ name, id, kind, expression }: GroupDraft): NewGroup | undefined {
  const group = { id: (id ?? idFrom(name)).trim(), name: name.trim() };
  if (group.id === "" || group.name === "" || (kind === "dynamic" && expression.trim() === "")) return undefined;
  return kind === "dynamic" ? { ...group, expression } : group;
}

/** Only what is another; undefined while something is missing or nothing was changed. */
export function changeOf(group: Group, draft: Pick<GroupDraft, "name" | "expression">): GroupChange | undefined {
  const dynamic = group.expression != null;
  if (draft.name.trim() === "" || (dynamic && draft.expression.trim() === "")) return undefined;
  const change: GroupChange = {
    ...(draft.name.trim() === group.name ? {} : { name: draft.name.trim() }),
    ...(dynamic && draft.expression !== group.expression ? { expression: draft.expression } : {}),
  };
  return Object.keys(change).length === 0 ? undefined : change;
}

/** How a target expression asks for the group. */
export function inTarget(id: string): string {
  return `"${id}" in groups`;
}
