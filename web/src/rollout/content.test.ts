import { expect, test } from "vitest";
import type { Json } from "../api/model";
import { canonical, changesOf, linesOf, nameOf, wordsOf } from "./content";

const content: Json = {
  campaign: {
    salt: "c7be",
    target: 'region == "EU"',
    deadline: "2027-01-01T00:00:00+00:00",
    policy: { retry: { max_attempts: 2, backoff_secs: 600 } },
    moon_phase: "full",
  },
  waves: [
    { number: 1, share_ratio: 0.05, gate: { approval: true }, vins: ["A", "B"] },
    { number: 2, gate: {} },
  ],
};

test("every value has a line, also one that this dashboard does not know", () => {
  const lines = linesOf(content);
  const said = lines.map((line) => [line.path.join("."), wordsOf(line)]);
  expect(said).toContainEqual(["campaign.moon_phase", "full"]);
  expect(said).toContainEqual(["campaign.policy.retry.backoff_secs", "10 min"]);
  expect(said).toContainEqual(["waves.1.share_ratio", "5 %"]);
  expect(said).toContainEqual(["waves.1.gate.approval", "yes"]);
  expect(said).toContainEqual(["waves.1.vins", "A, B"]);
  expect(nameOf(["campaign", "moon_phase"])).toMatch(/moon phase$/);
  expect(lines[0]?.path).toEqual(["campaign", "target"]);
});

test("a long list is cut, and says so", () => {
  const vins = Array.from({ length: 10_000 }, (_, index) => `V${index}`);
  expect(wordsOf({ path: ["vins"], value: vins })).toMatch(/V19, and 9,980 more$/);
});

test("changes are told value by value", () => {
  const after: Json = { ...content, campaign: { salt: "c7be", target: "true", priority: 0 } };
  const changes = changesOf({ campaign: { salt: "c7be", target: "false", notes: "x" } }, { campaign: after.campaign ?? null });
  expect(changes).toEqual([
    { path: ["campaign", "target"], before: "false", after: "true" },
    { path: ["campaign", "notes"], before: "x", after: undefined },
    { path: ["campaign", "priority"], before: undefined, after: 0 },
  ]);
  expect(changesOf(content, structuredClone(content))).toEqual([]);
});

test("the raw content does not depend on the order of its members", () => {
  expect(canonical({ b: 1, a: [{ d: 2, c: 3 }] })).toBe(canonical({ a: [{ c: 3, d: 2 }], b: 1 }));
});
