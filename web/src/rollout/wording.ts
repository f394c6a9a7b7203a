/** What the dashboard says about campaigns: why they wait, what happened, and what a command would do. */

import type { Campaign, Command, Exclusion, LiveEvent, Pace, WaitingOn, WhyNot } from "../api/model";
import { formatMoment } from "../format/time";
import { text } from "../i18n";
import { formatCount, formatPercent, formatSeconds, plural } from "../format/number";
import { countOf, tally } from "./progress";
import { campaignLook } from "./states";

/**
 * The planner's sentence in the reader's language, zone and numbers; of every reason this dashboard does not know yet,
 * the planner's own text.
 */
export function waitingSentence(waiting: WaitingOn, now: number, locale?: string, timeZone?: string): string {
  const said = text().waiting;
  const moment = (at: string) => formatMoment(Date.parse(at), now, locale, timeZone);
  const count = (number: number) => formatCount(number, locale);
  const { code, at, left, pending, deadline, wave } = waiting;
  if (code === "submission") return said.submission;
  if (code === "resume") return said.resume;
  if (code === "start_time" && at !== undefined) return said.start(moment(at));
  if (code === "withdrawals" && left !== undefined) return said.withdrawals(plural(left, text().count.vehicle, locale));
  if (code === "vehicles" && deadline !== undefined && left !== undefined) {
    return said.vehicles(plural(left, text().count.vehicleIs, locale), moment(deadline));
  }
  if (code === "empty_wave" && wave != null) return said.emptyWave(wave);
  if (code === "joiners" && deadline !== undefined) return said.joiners(moment(deadline));
  if (code === "retries" && pending !== undefined) return said.retries(plural(pending, text().count.vehicle, locale));
  const gate = gateSentence(waiting, { moment, count, share: (ratio) => formatPercent(ratio, locale) });
  return gate ?? sentence(waiting.text);
}

interface Formats {
  moment: (at: string) => string;
  count: (number: number) => string;
  share: (ratio: number) => string;
}

/** What a gate still wants, or that it can no longer get it; nothing when its words are not known here. */
function gateSentence(waiting: WaitingOn, { moment, count, share }: Formats): string | undefined {
  const said = text().waiting;
  const { code, wants, wave, ratio, size, needed, installed, reported, healthy, told, until } = waiting;
  if (wave == null || (code !== "gate" && code !== "gate_unreachable")) return undefined;
  const opens = (condition: string) => (code === "gate" ? said.opens : said.opensNoMore)(wave + 1, condition);
  if (wants === "approval") return said.approval(wave + 1, wave);
  if (wants === "soak" && until != null) return said.soak(wave + 1, wave, moment(until));
  if (wants === "installed" && ratio != null && size != null && needed != null && installed != null) {
    return opens(said.installed(share(ratio), count(size), wave, count(needed), count(installed)));
  }
  if (wants === "reports" && size != null && needed != null && reported != null) {
    const enough = until == null ? "" : said.reportsEnough(moment(until));
    return opens(said.reports(count(needed), count(size), wave, count(reported)) + enough);
  }
  if (wants === "success" && ratio != null && reported != null && installed != null) {
    return opens(said.success(share(ratio), wave, count(installed), count(reported)));
  }
  if (wants === "health" && ratio != null && healthy != null && told != null) {
    return opens(said.health(share(ratio), wave, count(healthy), count(told)));
  }
  return undefined;
}

/** Why vehicles that match are left out. */
export function exclusionSentence({ reason, hardware_id: ecu, versions }: Exclusion): string {
  const said = text().exclusion;
  switch (reason) {
    case "incompatible_hardware":
      return said.incompatible_hardware(ecu ?? "?");
    case "dependency_not_met":
      return said.dependency_not_met(ecu ?? "?", versions ?? "?");
    default:
      return said[reason];
  }
}

/** Why a vehicle does not update now: in the reader's language where its words are known, else in the server's. */
export function whyNotSentence(why: WhyNot): string {
  return text().vehicle.whyNotCodes[why.code] ?? sentence(why.text);
}

/** How fast an adapting campaign is offered now, and why; the server's own words for a reason that is not known here. */
export function paceSentence(pace: Pace, locale?: string): string {
  const said = text().watch;
  const count = (number: number) => formatCount(number, locale);
  const why = (): string => {
    switch (pace.code) {
      case "failures":
        return said.paceReasons.failures(count(pace.failed), count(pace.finished));
      case "busy":
        return said.paceReasons.busy(formatSeconds(pace.behind_secs, locale));
      case "well":
        return said.paceReasons.well(count(pace.finished));
      case "quiet":
        return said.paceReasons.quiet;
      default:
        return (pace as { text: string }).text;
    }
  };
  return `${said.pace(count(pace.per_minute))}: ${why()}.`;
}

export interface Consequence {
  title: string;
  /** What will happen, a sentence each. */
  effects: string[];
  confirm: string;
  /** Whether it cannot be undone. */
  final: boolean;
}

export function consequence(command: Command, campaign: Campaign, now: number): Consequence {
  const { active, unassigned, installed } = tally(campaign.counters, campaign.members);
  const said = text().commands;
  const words = text().count;
  const installing = countOf(campaign.counters, "installing");
  const open = active + unassigned;
  const asked = (effects: string[], final = false): Consequence => ({
    title: said.ask[command](campaign.name),
    effects,
    confirm: said.confirm[command],
    final,
  });
  switch (command) {
    case "start": {
      const start = campaign.start_at == null ? now : Date.parse(campaign.start_at);
      if (campaign.state === "draft" && start > now) return asked([said.later(formatMoment(start, now)), said.freeze]);
      const first = campaign.waves[0]?.share_ratio ?? 1;
      return asked([said.freeze, said.firstWave(formatPercent(first))]);
    }
    case "pause":
      return asked([
        said.noOffers,
        said.asksAgain,
        ...(installing > 0 ? [said.willFinish(plural(installing, words.vehicleIs))] : []),
        said.resumable,
      ]);
    case "resume":
      return asked([said.offeredAgain(plural(open, words.vehicle), open), said.nextWave]);
    case "cancel":
      return asked(
        [
          ...(open > 0 ? [said.withdrawn(plural(open, words.vehicle), open)] : []),
          ...(installing > 0 ? [said.stillCounts(plural(installing, words.vehicleIs), installing)] : []),
          ...(installed > 0 ? [said.keeps(plural(installed, words.vehicleKeeps))] : []),
          said.final,
        ],
        true,
      );
  }
}

export type EventTone = "good" | "bad" | "plain" | "notice";

/** One line of the timeline, and why whoever did it says that it was done. */
export function eventLine(event: LiveEvent): { text: string; tone: EventTone; reason?: string } {
  const said = text().events;
  switch (event.type) {
    case "campaign_created":
      return { text: said.created, tone: "plain" };
    case "campaign_state_changed": {
      if (event.to === undefined) return { text: said.changed, tone: "plain" };
      const tones: Partial<Record<typeof event.to, EventTone>> = {
        completed: "good",
        halted: "bad",
        cancelled: "bad",
        paused: "notice",
      };
      const from = event.from === undefined ? "" : said.was(campaignLook(event.from).label);
      const line = { text: `${campaignLook(event.to).label}${from}`, tone: tones[event.to] ?? "plain" };
      return event.reason == null || event.reason === "" ? line : { ...line, reason: event.reason };
    }
    case "wave_opened": {
      const vehicles = plural(event.vehicles ?? 0, text().count.vehicle);
      return { text: said.waveOpened(String(event.wave ?? "?"), vehicles), tone: "good" };
    }
    case "campaign_closing":
      return { text: said.closing(plural(event.left ?? 0, text().count.vehicle)), tone: "notice" };
    case "campaign_halted":
      return { text: said.halted(String(event.wave ?? "?"), event.reason ?? "?"), tone: "bad" };
    case "campaign_approved":
      return { text: actionLabel(event.type), tone: "good" };
    case "wave_approved":
      return { text: said.waveApproved(String(event.wave ?? "?")), tone: "good" };
    case "vehicles_retried":
      return { text: said.retried(plural(event.vehicles ?? 0, text().count.vehicle)), tone: "plain" };
    case "vehicles_timed_out":
      return { text: said.timedOut(plural(event.vehicles ?? 0, text().count.vehicle)), tone: "notice" };
    default:
      return { text: actionLabel(event.type), tone: "plain" };
  }
}

/** The events as they are told: what halted a campaign is a line of its own, so its new state does not repeat it. */
export function told(events: readonly LiveEvent[]): LiveEvent[] {
  const halts = new Set(events.flatMap(({ type, reason }) => (type === "campaign_halted" && reason != null ? [reason] : [])));
  const repeats = ({ to, reason }: LiveEvent) => to === "halted" && reason != null && halts.has(reason);
  return events.map((event) => (repeats(event) ? { ...event, reason: null } : event));
}

/** What happened, as the audit log calls it; under its own name when this dashboard does not know it yet. */
export function actionLabel(action: string): string {
  const known: Record<string, string> = text().audit.actions;
  return known[action] ?? capitalised(action.replaceAll("_", " "));
}

function capitalised(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function sentence(words: string): string {
  const full = capitalised(words);
  return /[.!?]$/.test(full) ? full : `${full}.`;
}
