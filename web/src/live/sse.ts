/**
 * A parser for server-sent events. The browser's own `EventSource` cannot send an `Authorization`
 * header, so the stream is read with `fetch` and taken apart here, by the rules of the HTML standard
 * (section 9.2.6, "Interpreting an event stream").
 */

export interface SseMessage {
  /** The `event:` field; `message` when the server named none. */
  event: string;
  data: string;
  /** The last id seen on the stream up to and including this message. */
  lastEventId: string;
}

export interface SseParser {
  /** Takes the next piece of the stream, cut anywhere, and gives the messages it completes. */
  push(chunk: string): SseMessage[];
  readonly lastEventId: string;
  /** The reconnection time the server asked for, in milliseconds. */
  readonly retryMs: number | undefined;
}

export function createSseParser(lastEventId = ""): SseParser {
  let rest = "";
  let atStart = true;
  let event = "";
  let data: string[] = [];
  let pendingId = lastEventId;
  let retryMs: number | undefined;

  function field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const raw = colon === -1 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (name === "event") event = value;
    else if (name === "data") data.push(value);
    else if (name === "id" && !value.includes("\0")) pendingId = value;
    else if (name === "retry" && /^\d+$/.test(value)) retryMs = Number(value);
  }

  function dispatch(): SseMessage | undefined {
    lastEventId = pendingId;
    const message = { event: event === "" ? "message" : event, data: data.join("\n"), lastEventId };
    const empty = data.length === 0;
    event = "";
    data = [];
    return empty ? undefined : message;
  }

  function push(chunk: string): SseMessage[] {
    let text = rest + chunk;
    if (atStart && text !== "") {
      atStart = false;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    const messages: SseMessage[] = [];
    let from = 0;
    for (let at = from; at < text.length; at += 1) {
      const code = text[at];
      if (code !== "\n" && code !== "\r") continue;
      // A CR at the end of a chunk may be half of a CRLF: it waits for the next chunk.
      if (code === "\r" && at + 1 === text.length) break;
      const line = text.slice(from, at);
      if (code === "\r" && text[at + 1] === "\n") at += 1;
      from = at + 1;
      if (line === "") {
        const message = dispatch();
        if (message) messages.push(message);
      } else if (!line.startsWith(":")) {
        field(line);
      }
    }
    rest = text.slice(from);
    return messages;
  }

  return {
    push,
    get lastEventId() {
      return lastEventId;
    },
    get retryMs() {
      return retryMs;
    },
  };
}
