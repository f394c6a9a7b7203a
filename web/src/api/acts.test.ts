import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { ACTS, mayAct, type ActName } from "./acts";
import type { Role } from "./model";
import { beginSession } from "./session";

interface Description {
  paths: Record<string, Record<string, { security?: { token?: string[] }[] } | undefined> | undefined>;
}

const file = new URL("../../../schemas/openapi/campaign.json", import.meta.url);
const description = JSON.parse(readFileSync(file, "utf8")) as Description;

afterEach(() => {
  beginSession(null);
});

test.each(Object.entries(ACTS))("the API asks for the role that %s is offered to", (_, { call, role }) => {
  const [method = "", path = ""] = call.split(" ");
  const [security] = description.paths[`/api/v1${path}`]?.[method.toLowerCase()]?.security ?? [];
  expect(security?.token).toEqual([role]);
});

test.each([
  ["viewer", []],
  ["engineer", ["start", "submit", "stop", "recall", "retry"]],
  ["approver", ["start", "submit", "stop", "recall", "retry", "approve", "reject", "approveWave", "stateEvidence"]],
] as [Role, ActName[]][])("a role may do what those before it may: %s", (role, acts) => {
  beginSession({ name: "ada", role });
  const asked: ActName[] = ["start", "submit", "stop", "recall", "retry", "approve", "reject", "approveWave", "stateEvidence", "lift", "requireReview"];
  expect(asked.filter(mayAct)).toEqual(acts);
});

test("nobody signed in may do anything, an admin everything", () => {
  expect(mayAct("start")).toBe(false);
  beginSession({ name: "root", role: "admin" });
  expect((Object.keys(ACTS) as ActName[]).every(mayAct)).toBe(true);
});
