/** What the dashboard says about campaigns: why they wait, what happened, and what a command would do. */

import type { Campaign, Command, LiveEvent, WaitingOn } from "../api/model";
import { formatMoment } from "../format/time";
import { formatCount, formatPercent, plural } from "../format/number";
import { countOf, tally } from "./progress";
import { CAMPAIGN_LOOKS } from "./states";

/**
 * The planner's sentence. Its times are said in the viewer's zone and a gate's numbers in the viewer's language;
 * everything else, and every reason this dashboard does not know yet, is the planner's own text.
 */
export function waitingSentence(waiting: WaitingOn, now: number, locale?: string, timeZone?: string): string {
  const moment = (text: string) => formatMoment(Date.parse(text), now, locale, timeZone);
  if (waiting.code === "start_time" && waiting.at !== undefined) return `Waits for its start: ${moment(waiting.at)}.`;
  if (waiting.code === "vehicles" && waiting.deadline !== undefined && waiting.left !== undefined) {
    const left = plural(waiting.left, "vehicle is", "vehicles are", locale);
    return `All waves are open: ${left} left, until ${moment(waiting.deadline)}.`;
  }
  const { wave, installed, needed, size, ratio } = waiting;
  if (waiting.code === "gate" && wave != null && installed != null && needed != null && size != null && ratio != null) {
    const count = (number: number) => formatCount(number, locale);
    const gate = `${formatPercent(ratio, locale)} of the ${count(size)} vehicles in wave ${wave}`;
    return `Wave ${wave + 1} opens when ${gate} have installed (${count(needed)}): ${count(installed)} so far.`;
  }
  const text = waiting.text.charAt(0).toUpperCase() + waiting.text.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

export interface Consequence {
  title: string;
  /** What will happen, a sentence each. */
  effects: string[];
  confirm: string;
  /** Whether it cannot be undone. */
  final: boolean;
}

export function consequence(command: Command, campaign: Campaign): Consequence {
  const { active, unassigned, installed } = tally(campaign.counters, campaign.members);
  const installing = countOf(campaign.counters, "installing");
  const open = active + unassigned;
  switch (command) {
    case "start":
      return {
        title: `Start “${campaign.name}”?`,
        effects: [
          "The vehicles that its target selects now become its members; later changes to the fleet do not alter that.",
          "Wave 1 opens, and its vehicles are offered the update.",
        ],
        confirm: "Start campaign",
        final: false,
      };
    case "pause":
      return {
        title: `Pause “${campaign.name}”?`,
        effects: [
          "Nobody is offered the update any more, and no further wave opens.",
          "A vehicle asks once more right before it installs, so those still downloading wait as well.",
          ...(installing > 0 ? [`${plural(installing, "vehicle is", "vehicles are")} installing and will finish.`] : []),
          "It can be resumed at any time before its deadline.",
        ],
        confirm: "Pause campaign",
        final: false,
      };
    case "resume":
      return {
        title: `Resume “${campaign.name}”?`,
        effects: [
          `${plural(open, "vehicle", "vehicles")} that ${open === 1 ? "has" : "have"} not finished may be offered the update again.`,
          "The next wave opens as soon as its gate holds.",
        ],
        confirm: "Resume campaign",
        final: false,
      };
    case "cancel":
      return {
        title: `Cancel “${campaign.name}”?`,
        effects: [
          ...(open > 0 ? [`The update is withdrawn from ${plural(open, "vehicle")} that ${open === 1 ? "has" : "have"} not finished.`] : []),
          ...(installing > 0 ? [`${plural(installing, "vehicle is", "vehicles are")} installing; what ${installing === 1 ? "it reports" : "they report"} still counts.`] : []),
          ...(installed > 0 ? [`${plural(installed, "vehicle keeps", "vehicles keep")} the installed version.`] : []),
          "This cannot be undone: to go on later, create a new campaign.",
        ],
        confirm: "Cancel campaign",
        final: true,
      };
  }
}

export type EventTone = "good" | "bad" | "plain" | "notice";

/** One line of the timeline. */
export function eventLine(event: LiveEvent): { text: string; tone: EventTone } {
  switch (event.type) {
    case "campaign_created":
      return { text: "Campaign created", tone: "plain" };
    case "campaign_state_changed": {
      if (event.to === undefined) return { text: "State changed", tone: "plain" };
      const tones: Partial<Record<typeof event.to, EventTone>> = {
        completed: "good",
        halted: "bad",
        cancelled: "bad",
        paused: "notice",
      };
      const from = event.from === undefined ? "" : ` (was ${CAMPAIGN_LOOKS[event.from].label.toLowerCase()})`;
      return { text: `${CAMPAIGN_LOOKS[event.to].label}${from}`, tone: tones[event.to] ?? "plain" };
    }
    case "wave_opened":
      return { text: `Wave ${event.wave ?? "?"} opened for ${plural(event.vehicles ?? 0, "vehicle")}`, tone: "good" };
    case "campaign_closing":
      return { text: `Closing: withdrawing from ${plural(event.left ?? 0, "vehicle")}`, tone: "notice" };
    default:
      return { text: capitalised(event.type.replaceAll("_", " ")), tone: "plain" };
  }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
