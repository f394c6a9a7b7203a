import { expect, test } from "vitest";
import { objectOf } from "./object";

test.each([
  ["campaign-12", "campaign", "12"],
  ["model-harbour-2025", "model", "harbour-2025"],
  ["group-winter-testers", "group", "winter-testers"],
  ["dead-letter-3", "dead-letter", "3"],
  ["emergency-stop", "emergency-stop", ""],
  ["fleet", "fleet", ""],
  ["fleetwide-1", undefined, "fleetwide-1"],
])("%s is read", (object, kind, id) => {
  expect(objectOf(object)).toEqual({ kind, id });
});
