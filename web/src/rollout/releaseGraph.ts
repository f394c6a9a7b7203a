/** Which releases come before and after one, by what images require and what releases bring. */

import type { Release } from "../api/model";
import { satisfies } from "./versions";

export interface Needed {
  hardware: string;
  versions: string;
  /** Locked releases that bring a version that will do, the newest first. */
  by: Release[];
}

export interface Needing {
  release: Release;
  /** What it requires that this release brings. */
  edges: { hardware: string; versions: string }[];
}

export interface ReleaseGraph {
  needs: Needed[];
  neededBy: Needing[];
}

/** Of one release among `all`. What an image requires of its own release's ECUs it brings along, so that is no edge. */
export function releaseGraph(release: Release, all: readonly Release[]): ReleaseGraph {
  const locked = all.filter((one) => one.state === "locked" && one.id !== release.id);
  const needs = new Map<string, Needed>();
  for (const image of release.images) {
    for (const { hardware_id: hardware, versions } of image.requires) {
      const itself = hardware !== image.hardware_id && brings(release, hardware, versions);
      if (itself || needs.has(`${hardware} ${versions}`)) continue;
      const by = locked.filter((one) => sharesModel(one, release) && brings(one, hardware, versions)).sort((a, b) => b.id - a.id);
      needs.set(`${hardware} ${versions}`, { hardware, versions, by });
    }
  }
  const neededBy = locked.flatMap((one) => {
    const edges = one.images.flatMap((image) =>
      image.requires
        .filter(({ hardware_id: hardware, versions }) => {
          const itself = hardware !== image.hardware_id && brings(one, hardware, versions);
          return !itself && sharesModel(one, release) && brings(release, hardware, versions);
        })
        .map(({ hardware_id: hardware, versions }) => ({ hardware, versions })),
    );
    return edges.length === 0 ? [] : [{ release: one, edges }];
  });
  return { needs: [...needs.values()], neededBy };
}

function sharesModel(one: Release, other: Release): boolean {
  return one.models.some((model) => other.models.includes(model));
}

function brings(release: Release, hardware: string, versions: string): boolean {
  return release.images.some((image) => image.hardware_id === hardware && satisfies(image.version, versions));
}
