/**
 * From live messages to what is on the screen: counts are put in place as they come, and what an event touched is
 * asked anew. The messages of a quarter of a second are taken together.
 */

import type { InfiniteData, QueryClient, QueryKey } from "@tanstack/react-query";
import type { Campaign, Fleet, LiveEvent, Page, Progress } from "../api/model";
import { keys } from "../api/queries";
import { countOf, withProgress } from "../rollout/progress";
import { EXITS } from "../rollout/states";
import { withEvents } from "./events";
import type { LiveMessage } from "./messages";
import { askAnew } from "./refresh";

/** At most four refreshes a second. */
export const REFRESH_MS = 250;
/** How often what reads rows is asked anew while a campaign moves. */
const INSIGHT_MS = 2_500;
/** How often a campaign that moves is forecast anew: the server plays it hundreds of times for that. */
const FORESIGHT_MS = 30_000;

/** Puts `messages` in place. Resolves when everything they touched has been asked anew. */
export async function applyMessages(client: QueryClient, messages: readonly LiveMessage[]): Promise<void> {
  const touched = new Map<string, QueryKey>();
  const touch = (key: QueryKey) => touched.set(JSON.stringify(key), key);
  const progress = new Map<number, Progress>();
  const timelines = new Map<number, LiveEvent[]>();
  for (const message of messages) {
    if (message.kind === "progress") {
      progress.set(message.progress.campaign, message.progress);
    } else if (message.kind === "fleet") {
      const known = client.getQueryData<Fleet>(keys.fleet);
      if (known?.dead_letters !== message.fleet.dead_letters) touch(keys.deadLetters);
      client.setQueryData(keys.fleet, message.fleet);
    } else {
      touchedBy(message.event).forEach(touch);
      const { campaign } = message.event;
      if (campaign !== undefined) timelines.set(campaign, [...(timelines.get(campaign) ?? []), message.event]);
    }
  }
  for (const [campaign, events] of timelines) {
    client.setQueryData<LiveEvent[]>(keys.timeline(campaign), (known) => known && withEvents(known, events));
  }
  applyProgress(client, progress, touch);
  await Promise.all([...touched.values()].map((queryKey) => askAnew(client, { queryKey })));
}

function applyProgress(client: QueryClient, progress: Map<number, Progress>, touch: (key: QueryKey) => void): void {
  if (progress.size === 0) return;
  const next = (campaign: Campaign): Campaign => {
    const news = progress.get(campaign.id);
    if (news === undefined) return campaign;
    if (moved(campaign, news)) {
      follow(client, keys.insight(campaign.id), INSIGHT_MS);
      follow(client, keys.foresight(campaign.id), FORESIGHT_MS);
    }
    // What is allowed now follows from the state, and only the campaign itself says it.
    if (news.state !== undefined && news.state !== campaign.state) {
      touch(keys.campaigns);
      touch(keys.campaign(campaign.id));
    }
    return withProgress(campaign, news);
  };
  for (const id of progress.keys()) {
    client.setQueryData<Campaign>(keys.campaign(id), (known) => known && next(known));
  }
  client.setQueriesData<InfiniteData<Page<Campaign>>>(
    { queryKey: keys.campaigns },
    (known) => known && { ...known, pages: known.pages.map((page) => ({ ...page, items: page.items.map(next) })) },
  );
}

/** Whether another vehicle came to an end. */
function moved(campaign: Campaign, news: Progress): boolean {
  const ends = ["installed", ...EXITS] as const;
  return ends.some((end) => countOf(campaign.counters, end) !== countOf(news.counters, end));
}

const later = new Map<string, ReturnType<typeof setTimeout>>();

/**
 * Failures, burn-up and vehicles are read row by row, and a forecast is played, so they follow the counters at a
 * distance: once per `every`, after the last change as well. Nobody waits for them.
 */
function follow(client: QueryClient, queryKey: QueryKey, every: number): void {
  const name = JSON.stringify(queryKey);
  if (later.has(name)) return;
  const ask = () => {
    later.delete(name);
    void askAnew(client, { queryKey });
  };
  later.set(name, setTimeout(ask, every));
}

/** The queries whose answers `event` may have changed. */
export function touchedBy(event: LiveEvent): QueryKey[] {
  const { campaign, type } = event;
  // Every event is an entry of the audit log as well.
  const touched: QueryKey[] = [keys.audit];
  if (campaign !== undefined) {
    touched.push(keys.campaigns, keys.campaign(campaign), keys.insight(campaign), keys.review(campaign));
    touched.push(keys.foresight(campaign));
  }
  if (type.startsWith("emergency_stop")) touched.push(keys.emergencyStop);
  if (event.release !== undefined) touched.push(keys.releases, keys.release(event.release));
  if (event.model !== undefined) touched.push(keys.models, keys.model(event.model));
  if (type !== "wave_opened") touched.push(keys.fleet);
  return touched;
}
