import { expect, test } from "vitest";
import { checkedPlan, draftWaves, percent, withoutWave, withWave } from "./plan";

const shares = (waves: { share: string }[]) => waves.map((wave) => wave.share);

test("what is typed becomes what the server takes, whatever the decimal sign", () => {
  expect(percent("12,5")).toBe(12.5);
  expect(percent(" ")).toBeUndefined();
  const [first, ...rest] = draftWaves([5, 95], 90);
  expect(first && checkedPlan([{ ...first, share: "5,0" }, ...rest])).toEqual([
    { share_ratio: 0.05, gate_installed_ratio: 0.9 },
    { share_ratio: 0.95, gate_installed_ratio: 0 },
  ]);
});

test("shares that do not sum to all and numbers out of range are told apart", () => {
  expect(checkedPlan(draftWaves([5, 90], 90))).toEqual({ kind: "sum", ratio: 0.95 });
  expect(checkedPlan(draftWaves([0, 100], 90))).toEqual({ kind: "range" });
  expect(checkedPlan(draftWaves([50, 50], 101))).toEqual({ kind: "range" });
});

test("adding and removing a wave keeps the sum, and the last wave has no gate", () => {
  const three = withWave(draftWaves([5, 95], 90), 80);
  expect(shares(three)).toEqual(["5", "48", "47"]);
  expect(three.map((wave) => wave.gate)).toEqual(["90", "80", "0"]);
  const two = withoutWave(three, three[2]?.key ?? -1);
  expect(shares(two)).toEqual(["5", "95"]);
  expect(two.at(-1)?.gate).toBe("0");
  expect(shares(withoutWave(draftWaves([100], 0), 0))).toEqual(["100"]);
});
