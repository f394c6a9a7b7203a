/** Failures by what the vehicles wrote last: one group per template, whatever ECUs and versions they came from. */

import type { TriageCluster } from "../api/model";

export interface Origin {
  /** Null when nobody had told. */
  version: string | null;
  vehicles: number;
  sampleVin: string;
}

export interface Ecu {
  hardware: string;
  /** The largest number first. */
  from: Origin[];
}

export interface LogGroup {
  template: string;
  vehicles: number;
  ecus: Ecu[];
}

/** The largest first. A vehicle counts once for each ECU of the release, so the largest ECU's sum is the group's. */
export function logGroups(clusters: readonly TriageCluster[]): LogGroup[] {
  const groups = new Map<string, Map<string, Origin[]>>();
  for (const one of clusters) {
    const ecus = groups.get(one.template) ?? new Map<string, Origin[]>();
    const origin = { version: one.from_version ?? null, vehicles: one.vehicles, sampleVin: one.sample_vin };
    ecus.set(one.hardware_id, [...(ecus.get(one.hardware_id) ?? []), origin]);
    groups.set(one.template, ecus);
  }
  const group = ([template, ecus]: [string, Map<string, Origin[]>]): LogGroup => ({
    template,
    vehicles: Math.max(...[...ecus.values()].map(sum)),
    ecus: [...ecus].map(([hardware, from]) => ({ hardware, from: [...from].sort((a, b) => b.vehicles - a.vehicles) })),
  });
  return [...groups].map(group).sort((a, b) => b.vehicles - a.vehicles);
}

const sum = (from: readonly Origin[]) => from.reduce((all, one) => all + one.vehicles, 0);

/** Below this share of a group, where most of its vehicles came from is no news. */
const TELLING = 0.75;

export interface CommonOrigin {
  hardware: string;
  version: string;
  /** How much of the group came from it. */
  ratio: number;
}

/** What the vehicles of a group ran before, where most of them ran the same. */
export function commonOrigins({ ecus }: LogGroup): CommonOrigin[] {
  return ecus.flatMap(({ hardware, from }) => {
    const [first] = from;
    if (first?.version == null) return [];
    const ratio = first.vehicles / sum(from);
    return ratio < TELLING ? [] : [{ hardware, version: first.version, ratio }];
  });
}

/** Stands for a word that differs from vehicle to vehicle. */
const WILDCARD = "<*>";

export interface Part {
  words: string;
  /** It differs; `words` is empty then. */
  varies: boolean;
}

/** The template in pieces: what all wrote, and where they differ. Words side by side that differ are one piece. */
export function templateParts(template: string): Part[] {
  const parts: Part[] = [];
  for (const word of template.split(/\s+/).filter((one) => one !== "")) {
    const varies = word === WILDCARD;
    const last = parts.at(-1);
    if (last?.varies === varies) last.words = varies ? "" : `${last.words} ${word}`;
    else parts.push({ words: varies ? "" : word, varies });
  }
  return parts;
}
