import { QueryClient } from "@tanstack/react-query";
import { expect, test, vi } from "vitest";
import type { Campaign, LiveEvent } from "../api/model";
import { keys } from "../api/queries";
import { aCampaign } from "../rollout/fixtures";
import { applyMessages } from "./apply";
import { type LiveMessage, readMessage } from "./messages";

const campaign = (id: number): Campaign => aCampaign({ id, name: `campaign ${id}`, members: 10, counters: { assigned: 10 } });

function screen() {
  const client = new QueryClient();
  client.setQueryData(keys.campaign(1), campaign(1));
  client.setQueryData(keys.campaigns, { pages: [{ items: [campaign(1), campaign(2)] }], pageParams: [undefined] });
  client.setQueryData(keys.fleet, { vehicles: 0, online: 0, models: [], campaigns: {}, dead_letters: 0, ingest: {} });
  client.setQueryData(keys.timeline(1), []);
  const asked = (key: readonly unknown[]) => client.getQueryState(key)?.isInvalidated;
  return { client, asked };
}

function said(event: string, data: unknown): LiveMessage {
  const message = readMessage({ event, data: JSON.stringify(data), lastEventId: "" });
  if (message === undefined) throw new Error("not understood");
  return message;
}

const event = (id: number, over: Partial<LiveEvent> = {}) =>
  said("message", { id, at: "2026-03-01T10:00:00Z", actor: "engine", type: "wave_opened", campaign: 1, ...over });

test("progress moves the counts in the list and on the page, and asks nothing", async () => {
  const { client, asked } = screen();
  await applyMessages(client, [
    said("progress", { campaign: 1, state: "running", counters: { installed: 1, assigned: 9 }, waves: [] }),
    said("progress", { campaign: 1, state: "running", counters: { installed: 2, assigned: 8 }, waves: [] }),
  ]);
  const list = client.getQueryData<{ pages: { items: Campaign[] }[] }>(keys.campaigns);
  expect(list?.pages[0]?.items.map((item) => item.counters.installed)).toEqual([2, undefined]);
  expect(client.getQueryData<Campaign>(keys.campaign(1))?.counters).toEqual({ installed: 2, assigned: 8 });
  expect([asked(keys.campaigns), asked(keys.campaign(1)), asked(keys.fleet)]).toEqual([false, false, false]);
});

test("progress that tells of another state asks for the campaign, whose buttons have changed", async () => {
  const { client, asked } = screen();
  await applyMessages(client, [said("progress", { campaign: 1, state: "completed", counters: { installed: 10 }, waves: [] })]);
  expect(asked(keys.campaign(1))).toBe(true);
});

test("what reads rows follows the counts soon, a forecast much later, and both at once after an event", async () => {
  vi.useFakeTimers();
  try {
    const { client, asked } = screen();
    const followed = [keys.insight(3), keys.foresight(3)];
    client.setQueryData(keys.campaign(3), campaign(3));
    for (const key of followed) client.setQueryData(key, []);
    await applyMessages(client, [said("progress", { campaign: 3, state: "running", counters: { installed: 1 }, waves: [] })]);
    expect(followed.map(asked)).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(followed.map(asked)).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(followed.map(asked)).toEqual([true, true]);
    for (const key of followed) client.setQueryData(key, []);
    await applyMessages(client, [event(8, { campaign: 3 })]);
    expect(followed.map(asked)).toEqual([true, true]);
  } finally {
    vi.useRealTimers();
  }
});

test("an event asks anew for what it touched, and no more", async () => {
  const { client, asked } = screen();
  client.setQueryData(keys.campaign(2), campaign(2));
  await applyMessages(client, [event(5)]);
  expect([asked(keys.campaigns), asked(keys.campaign(1)), asked(keys.campaign(2)), asked(keys.fleet)]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test("the timeline holds each event once, in order, however often the stream repeats it", async () => {
  const { client } = screen();
  await applyMessages(client, [event(7), event(5)]);
  await applyMessages(client, [event(5), event(6)]);
  expect(client.getQueryData<LiveEvent[]>(keys.timeline(1))?.map((line) => line.id)).toEqual([5, 6, 7]);
});

test("the fleet's figures come with the stream", async () => {
  const { client, asked } = screen();
  const fleet = { vehicles: 7, online: 5, models: [], campaigns: {}, dead_letters: 3, ingest: { lag_messages: 10, lag_seconds: 0.5 } };
  await applyMessages(client, [said("fleet", fleet)]);
  expect(client.getQueryData(keys.fleet)).toEqual(fleet);
  expect(asked(keys.fleet)).toBe(false);
});

test("what is not understood says nothing", () => {
  const read = (event: string, data: string) => readMessage({ event, data, lastEventId: "" });
  expect(read("progress", "{")).toBeUndefined();
  expect(read("progress", '{"campaign":"1","counters":{},"waves":[]}')).toBeUndefined();
  expect(read("fleet", "[]")).toBeUndefined();
  expect(read("weather", '{"rain":true}')).toBeUndefined();
});

test("another dead letter is asked for when the fleet's count tells of it", async () => {
  const { client, asked } = screen();
  client.setQueryData(keys.deadLetters, { pages: [], pageParams: [] });
  const fleet = { vehicles: 0, online: 0, models: [], campaigns: {}, dead_letters: 0, ingest: {} };
  await applyMessages(client, [said("fleet", { ...fleet, vehicles: 5 })]);
  expect(asked(keys.deadLetters)).toBe(false);
  await applyMessages(client, [said("fleet", { ...fleet, dead_letters: 1 })]);
  expect(asked(keys.deadLetters)).toBe(true);
});
