/** The part of the story about load: a thousand updates a second reach the page, which paints four times a second at most. */

import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { signIn, WIDE } from "./look";
import { headingOf, type Scene } from "./scene";
import { api, server } from "./stage";

const A_SECOND = 1000;
const SECONDS = 4;
/** What the page may paint of its own: its clock ticks every five seconds, and a query of before may come back. */
const OWN_PAINTS = 3;

/** The tests, in their order, for the story to take in. */
export function flood(scene: Scene): void {
  test("a thousand updates a second are painted at most four times a second, and the last one is not lost", async () => {
    const campaign = (await api("GET", "/campaigns/1")) as { members: number; counters: Record<string, number> };
    const streams = new Set<ServerResponse>();
    const proxy = await between(streams);
    const { port } = proxy.address() as AddressInfo;
    const context = await scene.browser().newContext({ baseURL: `http://127.0.0.1:${port}`, viewport: WIDE, locale: "en-GB", reducedMotion: "reduce" });
    try {
      const page = await context.newPage();
      await page.goto("/campaigns/1");
      await signIn(page);
      await headingOf(page, "Body control for Europe").waitFor();
      await expect.poll(() => streams.size).toBe(1);
      await page.evaluate(countPaints);
      const sent = await pour(streams, campaign.members);
      await page.getByText(sent.last.toLocaleString("en-GB"), { exact: true }).first().waitFor();
      const paints = await page.evaluate(() => (globalThis as unknown as { paints: number }).paints);
      process.stdout.write(`${sent.messages} updates in ${sent.seconds.toFixed(1)} s: ${paints} paints\n`);
      expect(sent.messages).toBeGreaterThanOrEqual(A_SECOND * SECONDS);
      // The first is painted at once, and the last quarter of a second after the end.
      expect(paints).toBeLessThanOrEqual(Math.ceil(sent.seconds * 4) + 2 + OWN_PAINTS);
    } finally {
      await context.close();
      streams.forEach((stream) => stream.end());
      proxy.close();
    }
  });
}

/** Counts frames in which anything of the page is another than before. */
function countPaints(): void {
  const counted = globalThis as unknown as { paints: number };
  counted.paints = 0;
  let changed = false;
  new MutationObserver(() => {
    changed = true;
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  const frame = () => {
    if (changed) counted.paints += 1;
    changed = false;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

/** A thousand messages a second into every stream; each says another number of installed vehicles. */
async function pour(streams: Set<ServerResponse>, members: number) {
  const began = performance.now();
  let messages = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(A_SECOND * SECONDS, Math.floor(((performance.now() - began) / 1000) * A_SECOND));
      for (; messages < due; messages += 1) tell(streams, members, messages);
      if (messages < A_SECOND * SECONDS) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
  return { messages, last: 1_000_000 + messages - 1, seconds: (performance.now() - began) / 1000 };
}

function tell(streams: Set<ServerResponse>, members: number, number: number): void {
  const progress = { campaign: 1, state: "completed", members, counters: { installed: 1_000_000 + number }, waves: [] };
  for (const stream of streams) stream.write(`event: progress\ndata: ${JSON.stringify(progress)}\n\n`);
}

/** The real server, but for its stream of events, which this test speaks itself. */
async function between(streams: Set<ServerResponse>): Promise<Server> {
  const proxy = createServer((asked, answer) => {
    if (asked.url?.startsWith("/api/v1/events") === true) stream(answer, streams);
    else pass(asked, answer);
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, "127.0.0.1", resolve);
  });
  return proxy;
}

function stream(answer: ServerResponse, streams: Set<ServerResponse>): void {
  answer.writeHead(200, { "content-type": "text/event-stream" });
  answer.write(": here\n\n");
  streams.add(answer);
  answer.on("close", () => streams.delete(answer));
}

function pass(asked: IncomingMessage, answer: ServerResponse): void {
  const { hostname, port } = new URL(server.url);
  const passed = request({ hostname, port, path: asked.url, method: asked.method, headers: asked.headers }, (got) => {
    answer.writeHead(got.statusCode ?? 502, got.headers);
    got.pipe(answer);
  });
  passed.on("error", () => answer.destroy());
  asked.pipe(passed);
}
