import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openConnection, SILENCE_MS, type LiveStatus } from "./connection";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A server of which the test holds the other end: one stream per request. */
function server() {
  const requests: { headers: Headers; send: (text: string) => void; end: () => void; aborted: () => boolean }[] = [];
  let answer: ((body: ReadableStream<Uint8Array>) => Response) | undefined = (body) =>
    new Response(body, { headers: { "content-type": "text/event-stream" } });
  const fetchFrom = (_url: string, init: RequestInit): Promise<Response> => {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
    init.signal?.addEventListener("abort", () => {
      try {
        controller?.error(new DOMException("aborted", "AbortError"));
      } catch {
        // The stream had ended before.
      }
    });
    requests.push({
      headers: new Headers(init.headers),
      send: (text) => controller?.enqueue(new TextEncoder().encode(text)),
      end: () => controller?.close(),
      aborted: () => init.signal?.aborted ?? false,
    });
    return answer ? Promise.resolve(answer(body)) : Promise.reject(new TypeError("fetch failed"));
  };
  vi.stubGlobal("fetch", fetchFrom);
  return {
    requests,
    answers: (next: typeof answer) => {
      answer = next;
    },
  };
}

function follow(lastEventId?: string) {
  const seen: string[] = [];
  const statuses: LiveStatus[] = [];
  let unauthorized = 0;
  const connection = openConnection({
    url: "/api/v1/events",
    lastEventId,
    onMessage: (message) => seen.push(message.data),
    onStatus: (status) => statuses.push(status),
    onUnauthorized: () => (unauthorized += 1),
  });
  return { connection, seen, statuses, unauthorized: () => unauthorized };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

test("it goes on after the last event when the stream breaks", async () => {
  const { requests } = server();
  const { seen, statuses } = follow("41");
  await settle();
  expect(requests[0]?.headers.get("last-event-id")).toBe("41");
  requests[0]?.send("id: 42\ndata: a\n\nid: 43\ndata: cut of");
  await settle();
  requests[0]?.end();
  await settle();
  expect(statuses.at(-1)).toEqual({ state: "stale", since: Date.now() });
  await vi.advanceTimersByTimeAsync(1000);
  expect(requests[1]?.headers.get("last-event-id")).toBe("42");
  expect(statuses.at(-1)).toEqual({ state: "live" });
  expect(seen).toEqual(["a"]);
});

test("a server that is away is asked again and again, ever more seldom", async () => {
  const { requests, answers } = server();
  answers(undefined);
  const { statuses } = follow();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(statuses.at(-1)).toEqual({ state: "stale", since: undefined });
  expect(requests.length).toBeGreaterThan(5);
  expect(requests.length).toBeLessThan(16);
});

test("a page instead of a stream is no connection", async () => {
  const { answers } = server();
  answers(() => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }));
  const { statuses } = follow();
  await settle();
  expect(statuses.map((status) => status.state)).toEqual(["connecting", "stale"]);
});

test("a connection that falls silent is replaced, one with heartbeats is kept", async () => {
  const { requests } = server();
  const { statuses } = follow();
  await settle();
  for (let beat = 0; beat < 10; beat += 1) {
    await vi.advanceTimersByTimeAsync(15_000);
    requests[0]?.send(": heartbeat\n\n");
  }
  expect(requests).toHaveLength(1);
  const heard = Date.now();
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  expect(statuses.at(-1)).toEqual({ state: "stale", since: heard });
  await vi.advanceTimersByTimeAsync(2000);
  expect(requests).toHaveLength(2);
});

test("a refused token ends it", async () => {
  const { requests, answers } = server();
  answers(() => new Response(null, { status: 401 }));
  const { unauthorized } = follow();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(unauthorized()).toBe(1);
  expect(requests).toHaveLength(1);
});

test("the server's retry field sets the first wait", async () => {
  const { requests } = server();
  follow();
  await settle();
  requests[0]?.send("retry: 10000\n\n");
  await settle();
  requests[0]?.end();
  await vi.advanceTimersByTimeAsync(4900);
  expect(requests).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(5200);
  expect(requests).toHaveLength(2);
});

test("once closed it neither reads nor asks again", async () => {
  const { requests } = server();
  const { connection, statuses } = follow();
  await settle();
  connection.close();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(requests).toHaveLength(1);
  expect(requests[0]?.aborted()).toBe(true);
  expect(statuses.at(-1)).toEqual({ state: "live" });
});
