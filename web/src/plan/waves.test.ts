import { expect, test } from "vitest";
import { earliestOpenings } from "./course";
import { Reader } from "./typed";
import { draftWaves, rampShares, readWaves, withoutWave, withWave, type DraftWave } from "./waves";

const shares = (waves: readonly DraftWave[]) => waves.map((wave) => wave.share);

function planOf(waves: readonly DraftWave[]) {
  const reader = new Reader();
  return { plan: readWaves(waves, reader), faults: reader.faults };
}

test("shares that do not sum to all and numbers out of range are told apart", () => {
  expect(Object.keys(planOf(draftWaves([5, 90], 90)).faults)).toEqual(["/waves"]);
  expect(Object.keys(planOf(draftWaves([0, 100], 90)).faults)).toEqual(["/waves/0/share_ratio"]);
  expect(Object.keys(planOf(draftWaves([50, 50], 101)).faults)).toEqual(["/waves/0/gate_installed_ratio"]);
  expect(planOf(draftWaves([5, 105], 90)).faults["/waves/1/share_ratio"]).toBeDefined();
});

test("the last wave has no gate, whatever was typed for it", () => {
  const { plan, faults } = planOf(draftWaves([50, 50], 90));
  expect(faults).toEqual({});
  expect(plan).toEqual([expect.objectContaining({ share_ratio: 0.5, gate_installed_ratio: 0.9 }), { share_ratio: 0.5 }]);
});

test("shares need not sum to all where another wave takes the rest", () => {
  const [first, last] = draftWaves([5, 95], 90);
  if (first === undefined || last === undefined) throw new Error("no waves");
  const { plan, faults } = planOf([first, { ...last, kind: "rest" }]);
  expect(faults).toEqual({});
  expect(plan[1]).toEqual({});
});

test("when reports count is said only beside the share of them that must have installed", () => {
  const [first, last] = draftWaves([50, 50], 90);
  if (first === undefined || last === undefined) throw new Error("no waves");
  const gate = { ...first.gate, within: "3 d" };
  expect(Object.keys(planOf([{ ...first, gate }, last]).faults)).toEqual(["/waves/0/gate/success_ratio"]);
});

test("adding and removing a wave keeps the sum", () => {
  const three = withWave(draftWaves([5, 95], 90), 80);
  expect(shares(three)).toEqual(["5", "48", "47"]);
  expect(three.map((wave) => wave.gate.installed)).toEqual(["90", "90", "80"]);
  expect(shares(withoutWave(three, three[2]?.key ?? -1))).toEqual(["5", "95"]);
  expect(shares(withoutWave(draftWaves([100], 0), 0))).toEqual(["100"]);
});

test("a wave is added before the one that takes the rest", () => {
  const [first, last] = draftWaves([5, 95], 90);
  if (first === undefined || last === undefined) throw new Error("no waves");
  const waves = withWave([first, { ...last, kind: "rest" }], 80);
  expect(waves.map((wave) => wave.kind)).toEqual(["share", "share", "rest"]);
  expect(new Set(waves.map((wave) => wave.key)).size).toBe(3);
});

test("a ramp's last wave takes what would only be a sliver", () => {
  const told = rampShares({ first_ratio: 0.01, factor: 3 }).map((share) => Math.round(share * 1000) / 1000);
  expect(told).toEqual([0.01, 0.03, 0.09, 0.27, 0.6]);
  expect(rampShares({ first_ratio: 0.5, factor: 10 })).toHaveLength(2);
});

test("a wave opens no earlier than the soaks before it allow", () => {
  const plan = [{ gate: { soak_secs: 60 } }, {}, { gate: { soak_secs: 5 } }];
  expect(earliestOpenings(plan, 1000)).toEqual([1000, 61_000, 61_000]);
});
