import { expect, test } from "vitest";
import type { TriageCluster } from "../api/model";
import { commonOrigins, logGroups, templateParts } from "./triage";

const cluster = (template: string, hardware: string, version: string | null, vehicles: number): TriageCluster => ({
  template,
  hardware_id: hardware,
  from_version: version,
  vehicles,
  sample_vin: `VIN ${template} ${hardware} ${version ?? ""}`,
});

test("a vehicle that counts once per ECU is one vehicle, and what nobody told of an ECU is missing there only", () => {
  const groups = logGroups([
    cluster("flash", "BCM", "1.0.0", 9),
    cluster("flash", "TCU", "4.2", 10),
    cluster("uds", "BCM", "1.0.0", 7),
    cluster("flash", "BCM", null, 1),
    cluster("uds", "BCM", "1.1.0", 8),
  ]);
  expect(groups.map(({ template, vehicles }) => [template, vehicles])).toEqual([
    ["uds", 15],
    ["flash", 10],
  ]);
  expect(groups[0]?.ecus).toEqual([
    {
      hardware: "BCM",
      from: [
        { version: "1.1.0", vehicles: 8, sampleVin: "VIN uds BCM 1.1.0" },
        { version: "1.0.0", vehicles: 7, sampleVin: "VIN uds BCM 1.0.0" },
      ],
    },
  ]);
});

test("where most come from one version that is told, and an even mix or an unknown one is not", () => {
  const [group] = logGroups([
    cluster("flash", "BCM", "1.0.0", 8),
    cluster("flash", "BCM", "1.1.0", 2),
    cluster("flash", "TCU", "4.1", 5),
    cluster("flash", "TCU", "4.2", 5),
    cluster("flash", "ADAS", null, 10),
  ]);
  expect(group && commonOrigins(group)).toEqual([{ hardware: "BCM", version: "1.0.0", ratio: 0.8 }]);
});

test("the words that differ are marked, side by side as one", () => {
  expect(templateParts("flash: sector <*> of <*> <*> bad")).toEqual([
    { words: "flash: sector", varies: false },
    { words: "", varies: true },
    { words: "of", varies: false },
    { words: "", varies: true },
    { words: "bad", varies: false },
  ]);
  expect(templateParts("<b>no</b> mark-up<*>")).toEqual([{ words: "<b>no</b> mark-up<*>", varies: false }]);
});
