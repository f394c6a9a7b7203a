/**
 * One live stream from the server, kept up: it reconnects after the last event it saw, notices a
 * connection that died without a word, and says since when what is on the screen is no longer live.
 */

import { backoffMs } from "./backoff";
import { createSseParser, type SseMessage } from "./sse";

export type LiveStatus =
  | { state: "connecting" }
  | { state: "live" }
  /** `since`: when the server was last heard; undefined when it never was. */
  | { state: "stale"; since: number | undefined };

export interface ConnectionOptions {
  url: string;
  /** Go on after this event; without it, from now. */
  lastEventId?: string | undefined;
  onMessage: (message: SseMessage) => void;
  onStatus: (status: LiveStatus) => void;
  /** The session has ended, and the connection with it. */
  onUnauthorized: () => void;
}

export interface Connection {
  readonly lastEventId: string;
  close(): void;
}

const FIRST_WAIT_MS = 1000;
/** A connection that lasted this long was a good one: after it the first wait is short again. */
const STEADY_MS = 10_000;
/** The server sends at least a comment every 15 seconds; after three it is taken for dead. */
export const SILENCE_MS = 45_000;

class Unauthorized extends Error {}

export function openConnection(options: ConnectionOptions): Connection {
  const closing = new AbortController();
  let lastEventId = options.lastEventId ?? "";
  let lastHeard: number | undefined;
  let baseMs = FIRST_WAIT_MS;
  let failures = 0;

  async function read(body: ReadableStream<Uint8Array>, alive: () => void): Promise<void> {
    const parser = createSseParser(lastEventId);
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      const messages = parser.push(decoder.decode(value, { stream: true }));
      lastEventId = parser.lastEventId;
      baseMs = parser.retryMs ?? baseMs;
      messages.forEach(options.onMessage);
    }
  }

  async function once(): Promise<void> {
    const attempt = new AbortController();
    const abort = () => {
      attempt.abort();
    };
    closing.signal.addEventListener("abort", abort);
    let watchdog = setTimeout(abort, SILENCE_MS);
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(abort, SILENCE_MS);
      lastHeard = Date.now();
    };
    let opened: number | undefined;
    try {
      const response = await fetch(options.url, {
        headers: {
          accept: "text/event-stream",
          ...(lastEventId === "" ? {} : { "last-event-id": lastEventId }),
        },
        cache: "no-store",
        signal: attempt.signal,
      });
      if (response.status === 401) throw new Unauthorized();
      const type = response.headers.get("content-type") ?? "";
      if (!response.ok || !response.body || !type.startsWith("text/event-stream")) return;
      alive();
      opened = Date.now();
      options.onStatus({ state: "live" });
      await read(response.body, alive);
    } finally {
      clearTimeout(watchdog);
      if (opened !== undefined && Date.now() - opened > STEADY_MS) failures = 0;
      closing.signal.removeEventListener("abort", abort);
      attempt.abort();
    }
  }

  async function keepUp(): Promise<void> {
    options.onStatus({ state: "connecting" });
    while (!closing.signal.aborted) {
      try {
        await once();
      } catch (error) {
        if (error instanceof Unauthorized) {
          if (!isClosed()) options.onUnauthorized();
          return;
        }
        // Everything else is a server that is away: try again below.
      }
      if (isClosed()) return;
      options.onStatus({ state: "stale", since: lastHeard });
      await pause(backoffMs(failures, baseMs, Math.random()), closing.signal);
      failures += 1;
    }
  }

  const isClosed = () => closing.signal.aborted;

  void keepUp();
  return {
    get lastEventId() {
      return lastEventId;
    },
    close() {
      closing.abort();
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
