import { expect, test } from "vitest";
import type { Artifact, Model } from "../../api/model";
import { areComplete, filledImages, inOrder, moved, NO_IMAGE, sharedHardware } from "./images";

const artifact = { sha256: "aa" } as Artifact;
const model = (...ids: string[]) => ({ hardware: ids.map((id) => ({ hardware_id: id, name: id })) }) as Model;

test("images go onto ECUs that every model has", () => {
  expect(sharedHardware([model("BCM", "TCU"), model("TCU", "GW")])).toEqual(["TCU"]);
  expect(sharedHardware([])).toEqual([]);
});

test("an ECU without a file has no image, and one without a version the release's", () => {
  const images = { BCM: NO_IMAGE, TCU: { ...NO_IMAGE, artifact }, GW: { ...NO_IMAGE, artifact, version: "7" } };
  expect(filledImages(["BCM", "TCU", "GW"], images, "2.0")).toEqual([
    { hardware_id: "TCU", sha256: "aa", version: "2.0" },
    { hardware_id: "GW", sha256: "aa", version: "7" },
  ]);
});

test("a requirement without versions keeps the release from being created", () => {
  const requires = (versions: string) => [{ key: 0, hardware_id: "TCU", versions }];
  const images = (versions: string) => filledImages(["BCM"], { BCM: { ...NO_IMAGE, artifact, requires: requires(versions) } }, "2");
  expect(images(" >=4.2 ")[0]?.requires).toEqual([{ hardware_id: "TCU", versions: ">=4.2" }]);
  expect(areComplete(images(" >=4.2 "))).toBe(true);
  expect(areComplete(images("  "))).toBe(false);
});

test("ECUs are installed in the order in which they were put, and none gets lost when a model is added", () => {
  expect(moved(["BCM", "TCU", "GW"], "GW", -1)).toEqual(["BCM", "GW", "TCU"]);
  expect(moved(["BCM", "TCU"], "BCM", -1)).toEqual(["BCM", "TCU"]);
  expect(inOrder(["BCM", "TCU", "GW"], ["GW", "OLD", "BCM"])).toEqual(["GW", "BCM", "TCU"]);
});
