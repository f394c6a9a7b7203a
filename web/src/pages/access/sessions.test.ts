import { expect, test } from "vitest";
import type { PersonSession } from "../../api/model";
import { byPerson } from "./sessions";

const session = (id: string, actor: string, used: number | null): PersonSession => ({
  id,
  actor,
  display_name: "Ada",
  issuer: "https://id.example.com",
  role: "engineer",
  created_at: "2026-03-01T08:00:00Z",
  last_used_at: used === null ? null : `2026-03-01T09:0${used}:00Z`,
  expires_at: "2026-03-01T20:00:00Z",
  current: false,
});

test("a person's sessions are together, the last used first, and namesakes stay apart", () => {
  const sessions = [session("a", "oidc:1@x", 1), session("b", "oidc:2@x", 3), session("c", "oidc:1@x", 5), session("d", "oidc:3@x", null)];
  expect(byPerson(sessions).map((own) => own.map(({ id }) => id))).toEqual([["c", "a"], ["b"], ["d"]]);
  expect(byPerson([])).toEqual([]);
});
