import { expect, test } from "vitest";
import { completions, indexOfByte, placeOf, TARGET_FIELDS, tokens, VEHICLE_FIELDS } from "./expression";

test("an expression is taken apart without losing anything", () => {
  const source = 'model_year >= 2025 && "be\\"ta" in tags // é "open';
  expect(tokens(source).map((token) => token.text).join("")).toBe(source);
  const kinds = tokens(source).filter((token) => token.text.trim() !== "").map((token) => token.kind);
  expect(kinds.slice(0, 7)).toEqual(["word", "operator", "number", "operator", "string", "operator", "word"]);
});

test("the server's bytes are found in text that is not ASCII", () => {
  const source = 'region == "Zürich" && wrong';
  const byte = new TextEncoder().encode('region == "Zürich" && ').length;
  expect(source.slice(indexOfByte(source, byte))).toBe("wrong");
  expect(indexOfByte("ab", 99)).toBe(2);
  expect(placeOf("a\nbc", 3)).toEqual({ line: 2, column: 2 });
});

test("a word that was begun is completed from where it begins", () => {
  expect(completions("vin != x && mod", 15, VEHICLE_FIELDS)).toEqual({ from: 12, fields: ["model", "model_year"] });
  expect(completions("model", 5, VEHICLE_FIELDS).fields).toEqual(["model_year"]);
  expect(completions("true && ", 8, VEHICLE_FIELDS).fields).toEqual([]);
});

test("a target may name groups, and a group may not", () => {
  expect(completions('"a" in gr', 9, TARGET_FIELDS).fields).toEqual(["groups"]);
  expect(completions('"a" in gr', 9, VEHICLE_FIELDS).fields).toEqual([]);
});
