import { expect, test } from "vitest";
import type { Campaign } from "../../api/model";
import { changeOf, draftOf } from "./change";

const campaign = {
  name: "Door lock fix",
  priority: 5,
  start_at: "2026-03-01T00:00:30Z",
  deadline: "2026-04-01T00:00:45Z",
} as Campaign;

test("what nobody touched is not changed, not even its seconds", () => {
  expect(changeOf(campaign, draftOf(campaign))).toEqual({});
});

test("only what is another is asked for, and an emptied start is removed", () => {
  expect(changeOf(campaign, { ...draftOf(campaign), name: " Door fix ", startAt: "", priority: "-3" })).toEqual({
    name: "Door fix",
    start_at: null,
    priority: -3,
  });
});

test("fields that cannot be understood are no change", () => {
  for (const fault of [{ name: " " }, { deadline: "" }, { priority: "high" }]) {
    expect(changeOf(campaign, { ...draftOf(campaign), ...fault })).toBeUndefined();
  }
});
