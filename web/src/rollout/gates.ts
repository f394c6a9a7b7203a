/** The gate behind a wave in words and numbers: what each part asks for, what there is, over how many, and when it halts. */

import type { Gate, Wave } from "../api/model";
import { formatPercent, formatSeconds } from "../format/number";
import { text } from "../i18n";
import { countOf, gateNeeds, tally } from "./progress";

/** What a gate asks for, a part of a sentence each; nothing when the next wave opens at once. */
export function gateConditions(installed: number, gate: Gate | undefined, wave: number): string[] {
  const t = text().plan;
  return [
    ...(installed > 0 ? [t.installedOf(formatPercent(installed), wave)] : []),
    ...(gate?.success_ratio != null ? [t.successOf(formatPercent(gate.success_ratio))] : []),
    ...(gate?.healthy_ratio != null ? [t.healthyOf(formatPercent(gate.healthy_ratio))] : []),
    ...(gate?.soak_secs != null ? [t.soakOf(formatSeconds(gate.soak_secs))] : []),
    ...(gate?.approval === true ? [t.approvalOf] : []),
  ];
}

export type GatePart = "installed" | "success" | "healthy" | "soak" | "approval";

export interface GateReading {
  part: GatePart;
  /** What it asks for, 0 to 1; of a soak seconds, of an approval nothing. */
  threshold: number | undefined;
  /** What there is now; undefined while nobody has said anything. */
  value: number | undefined;
  /** Of how many vehicles that is. */
  sample: number | undefined;
  /** Undefined while the wave is closed. */
  holds: boolean | undefined;
}

/** Each part of a wave's gate with its value, its threshold and its sample size. */
export function gateReadings(wave: Wave): GateReading[] {
  const { gate, gate_state: state } = wave;
  const open = wave.opened_at != null;
  const { total } = tally(wave.counters, wave.size);
  const installed = countOf(wave.counters, "installed");
  const told = wave.healthy + wave.unhealthy;
  const unmet = state.unmet?.wants;
  const part = (name: GatePart, threshold: number | undefined, value: number | undefined, sample: number | undefined, holds: boolean): GateReading => ({
    part: name,
    threshold,
    value: open ? value : undefined,
    sample: open ? sample : undefined,
    holds: open ? holds : undefined,
  });
  const readings: GateReading[] = [];
  if (wave.gate_installed_ratio > 0) {
    const needed = gateNeeds(wave) ?? Infinity;
    readings.push(part("installed", wave.gate_installed_ratio, total === 0 ? undefined : installed / total, total, installed >= needed));
  }
  if (gate.success_ratio != null) {
    const value = state.success_ratio ?? undefined;
    const enough = unmet !== "reports" && value !== undefined && value >= gate.success_ratio - 1e-9;
    readings.push(part("success", gate.success_ratio, value, state.reported, enough));
  }
  if (gate.healthy_ratio != null) {
    const value = told === 0 ? undefined : wave.healthy / told;
    readings.push(part("healthy", gate.healthy_ratio, value, told, value !== undefined && value >= gate.healthy_ratio - 1e-9));
  }
  // The server looks at them in this order: what comes before must hold for a soak to count, and all for an approval.
  if (gate.soak_secs != null) readings.push(part("soak", gate.soak_secs, undefined, undefined, state.unmet == null || unmet === "approval"));
  if (gate.approval) readings.push(part("approval", undefined, undefined, undefined, wave.approved_by != null));
  return readings;
}
