import { expect, test } from "vitest";
import type { Report } from "../api/model";
import { lanes } from "./lanes";

const report = (seconds: number, state: Report["state"], attempt = 1, sequence = seconds): Report => ({
  id: `${attempt}-${seconds}`,
  attempt,
  sequence,
  versions: {},
  origin: "vehicle",
  state,
  received_at: new Date(seconds * 1000).toISOString(),
});

test("a step lasts until the next, whatever the order of arrival, and repeats are one step", () => {
  const [lane] = lanes(
    [report(9, "installed"), report(5, "downloading"), report(2, "accepted"), report(6, "downloading"), report(8, "installing")],
    99_000,
  );
  expect(lane?.spans).toEqual([
    { state: "accepted", from: 2_000, to: 5_000 },
    { state: "downloading", from: 5_000, to: 8_000 },
    { state: "installing", from: 8_000, to: 9_000 },
  ]);
  expect(lane?.end).toEqual({ state: "installed", at: 9_000 });
});

test("each attempt has a lane of its own, and what goes on lasts until now", () => {
  const found = lanes([report(1, "accepted"), report(2, "failed"), report(5, "accepted", 2)], 8_000);
  expect(found.map((lane) => lane.attempt)).toEqual([2, 1]);
  expect(found[0]).toEqual({ attempt: 2, spans: [{ state: "accepted", from: 5_000, to: 8_000 }], end: undefined });
  expect(found[1]?.end).toEqual({ state: "failed", at: 2_000 });
});
