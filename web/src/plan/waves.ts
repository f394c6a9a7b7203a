/** The waves of a campaign while they are written: who is in each, and what must hold before the next opens. */

import type { Gate, Ramp, Wave, WavePlan } from "../api/model";
import { formatPercent } from "../format/number";
import { text } from "../i18n";
import { vinsOf } from "../pages/groups/vins";
import { numberOf, type Reader, writtenSeconds, writtenShare } from "./typed";

/** How a wave says who is in it. */
export const WAVE_KINDS = ["share", "count", "expression", "vins", "rest"] as const;
export type WaveKind = (typeof WAVE_KINDS)[number];

/** Shares in per cent and lengths of time as they are typed; empty is not asked for. */
export interface DraftGate {
  installed: string;
  success: string;
  reported: string;
  within: string;
  healthy: string;
  soak: string;
  approval: boolean;
}

export interface DraftWave {
  /** Tells rows apart while they move. */
  key: number;
  kind: WaveKind;
  share: string;
  count: string;
  expression: string;
  vins: string;
  /** Of the last wave it is kept and not asked for. */
  gate: DraftGate;
}

export interface DraftRamp {
  first: string;
  factor: string;
  gate: DraftGate;
}

export function draftGate(installed: number): DraftGate {
  return { installed: String(installed), success: "", reported: "", within: "", healthy: "", soak: "", approval: false };
}

function draftWave(key: number, share: string, gate: number): DraftWave {
  return { key, kind: "share", share, count: "", expression: "", vins: "", gate: draftGate(gate) };
}

export function draftWaves(shares: readonly number[], gate: number): DraftWave[] {
  return shares.map((share, index) => draftWave(index, String(share), gate));
}

/** With one more: it takes half of what the last one has; where the last takes the rest, it comes before it. */
export function withWave(waves: readonly DraftWave[], gate: number): DraftWave[] {
  const last = waves.at(-1);
  const key = Math.max(-1, ...waves.map((wave) => wave.key)) + 1;
  if (last !== undefined && last.kind !== "share") return [...waves.slice(0, -1), draftWave(key, "10", gate), last];
  const share = numberOf(last?.share ?? "") ?? 100;
  const half = Math.round(share / 2);
  const kept = waves.map((wave) => (wave === last ? { ...wave, share: String(half) } : wave));
  return [...kept, draftWave(key, String(share - half), gate)];
}

/** Without one: the share it had goes to its neighbour. */
export function withoutWave(waves: readonly DraftWave[], key: number): DraftWave[] {
  const at = waves.findIndex((wave) => wave.key === key);
  const [gone, heir] = [waves[at], waves[at + 1] ?? waves[at - 1]];
  if (gone === undefined || heir === undefined) return [...waves];
  const rest = waves.filter((wave) => wave !== gone);
  if (gone.kind !== "share" || heir.kind !== "share") return rest;
  const sum = (numberOf(gone.share) ?? 0) + (numberOf(heir.share) ?? 0);
  return rest.map((wave) => (wave === heir ? { ...wave, share: String(rounded(sum)) } : wave));
}

/** What the server takes of waves; what cannot be is told. */
export function readWaves(waves: readonly DraftWave[], reader: Reader): WavePlan[] {
  const plan = waves.map((wave, index) => {
    const at = `/waves/${index}`;
    const gate = index === waves.length - 1 ? {} : readGate(wave.gate, at, reader);
    return { ...readWho(wave, at, reader), ...gate };
  });
  const sum = plan.reduce((all, wave) => all + (wave.share_ratio ?? 0), 0);
  const only = waves.every((wave) => wave.kind === "share" || isListed(wave));
  if (only && !waves.every(isListed) && Math.abs(sum - 1) > 1e-6 && Object.keys(reader.faults).every((at) => !at.endsWith("share_ratio"))) {
    reader.fault("/waves", text().wizard.sum(formatPercentOver(sum)));
  }
  return plan;
}

/** A share that may be above all. */
function formatPercentOver(ratio: number): string {
  return ratio > 1 ? `${rounded(ratio * 100)} %` : formatPercent(ratio);
}

function isListed(wave: DraftWave): boolean {
  return wave.kind === "expression" || wave.kind === "vins";
}

function readWho(wave: DraftWave, at: string, reader: Reader): WavePlan {
  switch (wave.kind) {
    case "share": {
      const pointer = `${at}/share_ratio`;
      return { share_ratio: reader.needed(pointer, reader.share(pointer, wave.share, true), 1) };
    }
    case "count": {
      const pointer = `${at}/count`;
      return { count: reader.needed(pointer, reader.whole(pointer, wave.count), 1) };
    }
    case "expression":
      return { expression: reader.words(`${at}/expression`, wave.expression) };
    case "vins": {
      const vins = vinsOf(wave.vins);
      if (vins.length === 0) reader.fault(`${at}/vins`, text().plan.needed);
      return { vins };
    }
    case "rest":
      return {};
  }
}

type PlannedGate = Required<Pick<WavePlan, "gate" | "gate_installed_ratio">>;

function readGate(gate: DraftGate, at: string, reader: Reader): PlannedGate {
  const part = (name: string) => `${at}/gate/${name}`;
  const success = reader.share(part("success_ratio"), gate.success);
  if (success === null && (gate.reported.trim() !== "" || gate.within.trim() !== "")) {
    reader.fault(part("success_ratio"), text().plan.neededForReports);
  }
  return {
    gate_installed_ratio: reader.share(`${at}/gate_installed_ratio`, gate.installed) ?? 0,
    gate: {
      success_ratio: success,
      reported_ratio: reader.share(part("reported_ratio"), gate.reported),
      report_within_secs: reader.seconds(part("report_within_secs"), gate.within),
      healthy_ratio: reader.share(part("healthy_ratio"), gate.healthy),
      soak_secs: reader.seconds(part("soak_secs"), gate.soak),
      approval: gate.approval,
    },
  };
}

export function readRamp(ramp: DraftRamp, reader: Reader): Ramp {
  const [first, factor] = [reader.share("/ramp/first_ratio", ramp.first, true), numberOf(ramp.factor)];
  if (first !== null && first > 0.5) reader.fault("/ramp/first_ratio", text().plan.rampFirst);
  if (factor === undefined || factor <= 1 || factor > 10) reader.fault("/ramp/factor", text().plan.rampFactor);
  return { first_ratio: reader.needed("/ramp/first_ratio", first, 0.01), factor: factor ?? 2, ...readGate(ramp.gate, "/ramp", reader) };
}

/** The shares of a ramp's waves, as the server makes them: a last one that would be a sliver is part of the one before. */
export function rampShares(ramp: Pick<Ramp, "first_ratio" | "factor">): number[] {
  const shares: number[] = [];
  let [share, sum] = [ramp.first_ratio, 0];
  while (sum + share * 1.5 < 1 && shares.length < 99) {
    shares.push(share);
    sum += share;
    share *= ramp.factor;
  }
  return [...shares, 1 - sum];
}

function writtenGate(installed: number, gate: Gate): DraftGate {
  return {
    installed: writtenShare(installed),
    success: writtenShare(gate.success_ratio),
    reported: writtenShare(gate.reported_ratio),
    within: writtenSeconds(gate.report_within_secs),
    healthy: writtenShare(gate.healthy_ratio),
    soak: writtenSeconds(gate.soak_secs),
    approval: gate.approval ?? false,
  };
}

/** The waves that a campaign has; `vins` by wave, which the campaign itself does not tell. */
export function writtenWaves(waves: readonly Wave[], vins: readonly (readonly string[])[]): DraftWave[] {
  return waves.map((wave, index) => ({
    key: index,
    kind: kindOf(wave),
    share: writtenShare(wave.share_ratio),
    count: wave.count == null ? "" : String(wave.count),
    expression: wave.expression ?? "",
    vins: vins[index]?.join("\n") ?? "",
    gate: writtenGate(wave.gate_installed_ratio, wave.gate),
  }));
}

function kindOf(wave: Wave): WaveKind {
  if (wave.share_ratio != null) return "share";
  if (wave.count != null) return "count";
  if (wave.expression != null) return "expression";
  return wave.listed != null ? "vins" : "rest";
}

function rounded(number: number): number {
  return Math.round(number * 1000) / 1000;
}
