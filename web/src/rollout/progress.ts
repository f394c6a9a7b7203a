/** The arithmetic of a rollout's progress, from its counters alone. */

import type { Campaign, Counters, FunnelDrop, Progress, Wave } from "../api/model";
import { type AssignmentState, BAR_ORDER, EXITS, type ShownState, STEPS } from "./states";

export function countOf(counters: Counters, state: AssignmentState): number {
  return counters[state] ?? 0;
}

function sum(counters: Counters, states: readonly AssignmentState[]): number {
  return states.reduce((total, state) => total + countOf(counters, state), 0);
}

export interface Tally {
  /** Vehicles meant: the members, or what has been assigned while nobody has counted members. */
  total: number;
  installed: number;
  /** Ended, but not as installed. */
  exited: number;
  /** Installed or exited. */
  finished: number;
  /** In an open wave and not finished. */
  active: number;
  /** In a wave that is not open yet. */
  unassigned: number;
  /** `finished` of `total`, 0 to 1; 0 when there is nothing to do. */
  finishedRatio: number;
}

export function tally(counters: Counters, members: number | null | undefined): Tally {
  const installed = countOf(counters, "installed");
  const exited = sum(counters, EXITS);
  const assigned = sum(counters, STEPS) + exited;
  // The counters and the number of members are read at different moments: the total is never below its parts.
  const total = Math.max(members ?? 0, assigned);
  const finished = installed + exited;
  return {
    total,
    installed,
    exited,
    finished,
    active: assigned - finished,
    unassigned: total - assigned,
    finishedRatio: total === 0 ? 0 : finished / total,
  };
}

export interface Segment {
  state: ShownState;
  count: number;
}

/** The parts of a stacked bar, in its order, without empty ones. */
export function segments(counters: Counters, members: number | null | undefined): Segment[] {
  const parts: Segment[] = BAR_ORDER.map((state) => ({ state, count: countOf(counters, state) }));
  parts.push({ state: "unassigned", count: tally(counters, members).unassigned });
  return parts.filter((part) => part.count > 0);
}

export interface FunnelStep {
  step: AssignmentState | "targeted";
  /** Vehicles known to have come this far. */
  reached: number;
  /** Of those, the ones that are there now. */
  here: number;
  /** Those that left behind this step, and why. */
  left: readonly FunnelDrop[];
}

/**
 * How many vehicles are known to have reached each step. A later step implies the earlier ones; who left had reached
 * the step that `drops` name. Of whom these do not tell, an exit proves less: a decline, a failure and a rollback came
 * from a vehicle that was offered the update, what the server withdrew proves only the assignment.
 */
export function funnel(counters: Counters, members: number | null | undefined, drops: readonly FunnelDrop[] = []): FunnelStep[] {
  const { total } = tally(counters, members);
  const told = (state: string, from: number) =>
    drops.reduce((all, drop) => (drop.state === state && placeOf(drop) >= from ? all + drop.vehicles : all), 0);
  const proved = (index: number) =>
    EXITS.reduce((all, exit) => {
      const left = countOf(counters, exit);
      const untold = Math.max(0, left - told(exit, -Infinity));
      return all + Math.min(left, told(exit, index)) + (index <= leastOf(exit) ? untold : 0);
    }, 0);
  const steps = STEPS.map((step, index): FunnelStep => {
    const left = drops.filter((drop) => placeOf(drop) === index);
    return { step, reached: sum(counters, STEPS.slice(index)) + proved(index), here: countOf(counters, step), left };
  });
  return [{ step: "targeted", reached: total, here: 0, left: [] }, ...steps];
}

/** The step that somebody who left so had reached at least. */
function leastOf(exit: string): number {
  return exit === "declined" || exit === "failed" || exit === "rolled_back" ? 1 : 0;
}

function placeOf({ state, after }: FunnelDrop): number {
  return Math.max(leastOf(state), after === null ? 0 : (STEPS as readonly string[]).indexOf(after));
}

/** Vehicles that were offered the update, as far as is known: those that a bad release may have hurt. */
export function exposedOf(counters: Counters, members: number | null | undefined, drops: readonly FunnelDrop[] = []): number {
  return funnel(counters, members, drops).find(({ step }) => step === "offered")?.reached ?? 0;
}

/** Vehicles that must have installed for a wave's gate to hold: the server's own rounding. */
export function gateNeeds(wave: Wave): number | undefined {
  if (wave.size == null) return undefined;
  return Math.min(Math.max(Math.ceil(wave.gate_installed_ratio * wave.size - 1e-6), 0), wave.size);
}

/** How many more of the wave may fail before its gate cannot hold any more; negative when it is too late. */
export function gateRoom(wave: Wave): number | undefined {
  const needed = gateNeeds(wave);
  if (needed === undefined) return undefined;
  const { total, exited } = tally(wave.counters, wave.size);
  return total - exited - needed;
}

export type WaveStage =
  /** Not open yet. */
  | "closed"
  /** Open, its gate does not hold yet. */
  | "open"
  /** Open, and its gate holds. */
  | "held"
  /** All its vehicles have finished. */
  | "finished"
  /** All its vehicles have finished, too few of them as installed: the next wave cannot open. */
  | "missed";

/** `last`: nothing comes after it, so its gate does not matter. */
export function waveStage(wave: Wave, last: boolean): WaveStage {
  if (wave.opened_at == null) return "closed";
  const { total, finished, installed } = tally(wave.counters, wave.size);
  const short = installed < (gateNeeds(wave) ?? Infinity);
  const holds = !short && wave.gate_state.unmet == null;
  if (finished < total) return holds && !last ? "held" : "open";
  if (holds || last) return "finished";
  // All have ended, and a soak or a person may still be waited for.
  return short ? "missed" : "open";
}

/** At most `limit` waves to show where there is little room: those at work, with what comes next. */
export function wavesAtWork(waves: readonly Wave[], limit: number): readonly Wave[] {
  const firstOfInterest = waves.findIndex((wave, index) => waveStage(wave, index + 1 === waves.length) !== "finished");
  const from = firstOfInterest === -1 ? waves.length : firstOfInterest;
  const start = Math.max(0, Math.min(from - 1, waves.length - limit));
  return waves.slice(start, start + limit);
}

/** The campaign as it is after a progress message. What the message does not mention stays. */
export function withProgress(campaign: Campaign, progress: Progress): Campaign {
  const news = new Map(progress.waves.map((wave) => [wave.number, wave]));
  return {
    ...campaign,
    members: progress.members ?? campaign.members ?? null,
    counters: progress.counters,
    waiting_on: progress.waiting_on ?? campaign.waiting_on,
    waves: campaign.waves.map((wave) => ({ ...wave, ...news.get(wave.number) })),
  };
}
