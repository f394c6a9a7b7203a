import { expect, test } from "vitest";
import type { Release } from "../api/model";
import { releaseGraph } from "./releaseGraph";
import { satisfies, sortKey } from "./versions";

const release = (id: number, images: Record<string, string>, requires: [hardware: string, needs: string, versions: string][] = []) =>
  ({
    id,
    name: "Body",
    version: String(id),
    state: "locked",
    models: ["harbour"],
    images: Object.entries(images).map(([hardware_id, version]) => ({
      hardware_id,
      version,
      requires: requires.filter(([of]) => of === hardware_id).map(([, needs, versions]) => ({ hardware_id: needs, versions })),
    })),
  }) as unknown as Release;

test("versions are ordered by meaning, as the server orders them", () => {
  const ascending = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "2.9", "2.10", "10"];
  expect([...ascending].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))).toEqual(ascending);
  expect(sortKey("2.3")).toBe(sortKey("2.3.0"));
  expect(sortKey("2.3+build.7")).toBe(sortKey("2.3"));
});

test("a range's bounds must all hold", () => {
  expect(["2.1", "2.10", "3", "2.0.9"].map((version) => satisfies(version, ">=2.1, <3"))).toEqual([true, true, false, false]);
  expect(satisfies("1", "one")).toBe(false);
});

test("a release comes after those that bring what it requires, and before those that require what it brings", () => {
  const first = release(1, { BCM: "1.5" });
  const second = release(2, { BCM: "2.0" }, [["BCM", "BCM", ">=1.5"]]);
  const third = release(3, { TCU: "5" }, [["TCU", "BCM", ">=2"]]);
  const other = { ...release(4, { BCM: "9" }), models: ["canal"] } as Release;
  const draft = { ...release(5, { BCM: "1.6" }), state: "draft" } as Release;
  const all = [first, second, third, other, draft];
  const graph = releaseGraph(second, all);
  expect(graph.needs.map((one) => [one.versions, one.by.map(({ id }) => id)])).toEqual([[">=1.5", [1]]]);
  expect(graph.neededBy.map((one) => one.release.id)).toEqual([3]);
  expect(releaseGraph(third, all).needs[0]?.by.map(({ id }) => id)).toEqual([2]);
});

test("what a release brings along itself is no dependency", () => {
  const both = release(1, { BCM: "2.0", TCU: "5" }, [["TCU", "BCM", ">=2"]]);
  expect(releaseGraph(both, [both, release(2, { BCM: "3" })])).toEqual({ needs: [], neededBy: [] });
});
