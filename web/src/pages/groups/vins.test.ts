import { expect, test } from "vitest";
import { ApiError } from "../../api/errors";
import { vinsFault, vinsOf } from "./vins";

test("VINs are read from lines, tables and quotes, each once", () => {
  const pasted = ' xzzdemz0000000001,\r\n"XZZDEMZ0000000002";XZZDEMZ0000000001\tXZZDEMZ0000000003\n\n';
  expect(vinsOf(pasted)).toEqual(["XZZDEMZ0000000001", "XZZDEMZ0000000002", "XZZDEMZ0000000003"]);
  expect(vinsOf(" \n,; ")).toEqual([]);
});

test("the VIN at fault is named with its place", () => {
  const error = new ApiError(422, "There is no such vehicle.", { pointer: "/add/1" });
  expect(vinsFault(error, ["A", "B"])).toBe("Number 2, B: There is no such vehicle.");
});

test("a fault of all of them is told as it is, and one of something else is none of theirs", () => {
  expect(vinsFault(new ApiError(422, "Too many.", { pointer: "/add" }), ["A"])).toBe("Too many.");
  expect(vinsFault(new ApiError(409, "The group is dynamic."), ["A"])).toBeUndefined();
});
