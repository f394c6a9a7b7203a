/** A rollout plan while it is being written: what people type, and what the server takes. */

import type { WavePlan } from "../api/model";

/** A wave as it is typed: per cent, and empty while somebody types. */
export interface DraftWave {
  /** Tells rows apart while they move. */
  key: number;
  share: string;
  gate: string;
}

const LAST_GATE = "0";

export function draftWaves(shares: readonly number[], gate: number): DraftWave[] {
  return shares.map((share, index) => ({
    key: index,
    share: String(share),
    gate: index === shares.length - 1 ? LAST_GATE : String(gate),
  }));
}

/** With one more: it takes half of what the last one has. */
export function withWave(waves: readonly DraftWave[], gate: number): DraftWave[] {
  const last = waves.at(-1);
  const share = percent(last?.share ?? "") ?? 100;
  const half = Math.round(share / 2);
  const key = Math.max(-1, ...waves.map((wave) => wave.key)) + 1;
  const kept = waves.map((wave) => (wave === last ? { ...wave, share: String(half), gate: String(gate) } : wave));
  return [...kept, { key, share: String(share - half), gate: LAST_GATE }];
}

/** Without one: what it had goes to its neighbour. */
export function withoutWave(waves: readonly DraftWave[], key: number): DraftWave[] {
  const at = waves.findIndex((wave) => wave.key === key);
  const heir = waves[at + 1] ?? waves[at - 1];
  if (at === -1 || heir === undefined) return [...waves];
  const sum = (percent(waves[at]?.share ?? "") ?? 0) + (percent(heir.share) ?? 0);
  const rest = waves.filter((wave) => wave.key !== key);
  return rest.map((wave, index) => ({
    ...wave,
    ...(wave.key === heir.key ? { share: String(rounded(sum)) } : {}),
    ...(index === rest.length - 1 ? { gate: LAST_GATE } : {}),
  }));
}

/** `12.5` and `12,5`; undefined for what is no number. */
export function percent(typed: string): number | undefined {
  const number = typed.trim() === "" ? Number.NaN : Number(typed.trim().replace(",", "."));
  return Number.isFinite(number) ? number : undefined;
}

export type PlanFault = { kind: "range" } | { kind: "sum"; ratio: number };

/** What the server takes, or what is wrong with it. */
export function checkedPlan(waves: readonly DraftWave[]): WavePlan[] | PlanFault {
  const plan: WavePlan[] = [];
  for (const wave of waves) {
    const [share, gate] = [percent(wave.share), percent(wave.gate)];
    if (share === undefined || share <= 0 || share > 100) return { kind: "range" };
    if (gate === undefined || gate < 0 || gate > 100) return { kind: "range" };
    plan.push({ share_ratio: share / 100, gate_installed_ratio: gate / 100 });
  }
  const sum = plan.reduce((total, wave) => total + wave.share_ratio, 0);
  return Math.abs(sum - 1) > 1e-6 ? { kind: "sum", ratio: rounded(sum * 100) / 100 } : plan;
}

export function isPlan(checked: WavePlan[] | PlanFault): checked is WavePlan[] {
  return Array.isArray(checked);
}

function rounded(number: number): number {
  return Math.round(number * 1000) / 1000;
}
