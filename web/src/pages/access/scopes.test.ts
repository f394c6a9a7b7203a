import { expect, test } from "vitest";
import { scopeOf } from "./scopes";

test("nothing chosen is no limit, and not a limit to nothing", () => {
  expect(scopeOf([], [])).toEqual({});
  expect(scopeOf(["harbour-2025"], [])).toEqual({ models: ["harbour-2025"] });
  expect(scopeOf([], ["campaigns", "audit"])).toEqual({ calls: ["campaigns", "audit"] });
});
