import { expect, test } from "vitest";
import type { Group } from "../../api/model";
import { changeOf, idFrom, newGroupOf, type GroupDraft } from "./form";

const draft: GroupDraft = { name: "Winter testers", id: undefined, kind: "list", expression: "" };
const list: Group = { id: "winter", name: "Winter", created_at: "2026-03-01T00:00:00Z", created_by: "ada" };

test.each([
  ["Winter testers, Norway", "winter-testers-norway"],
  ["  Große Überführung! ", "grosse-uberfuhrung"],
  ["x".repeat(63) + " y", "x".repeat(63)],
  ["…", ""],
])("a group called %j gets an id that the API takes", (name, id) => {
  expect(idFrom(name)).toBe(id);
});

test("an id that was typed is kept, whatever the name is", () => {
  expect(newGroupOf({ ...draft, id: " w-1 " })).toEqual({ id: "w-1", name: "Winter testers" });
});

test("a list has no expression, and a dynamic group not without one", () => {
  expect(newGroupOf({ ...draft, expression: "true" })).toEqual({ id: "winter-testers", name: "Winter testers" });
  expect(newGroupOf({ ...draft, kind: "dynamic" })).toBeUndefined();
  expect(newGroupOf({ ...draft, kind: "dynamic", expression: "true" })?.expression).toBe("true");
});

test("only what is another is changed, and a list stays a list", () => {
  expect(changeOf(list, { name: "Winter ", expression: "" })).toBeUndefined();
  expect(changeOf(list, { name: "Snow", expression: "true" })).toEqual({ name: "Snow" });
  expect(changeOf({ ...list, expression: "true" }, { name: "Winter", expression: "false" })).toEqual({ expression: "false" });
  expect(changeOf({ ...list, expression: "true" }, { name: "Winter", expression: " " })).toBeUndefined();
});
