/** What the server says in its live stream, read with care: a message that is not understood says nothing. */

import type { Fleet, LiveEvent, Progress } from "../api/model";
import type { SseMessage } from "./sse";

export type LiveMessage =
  | { kind: "event"; event: LiveEvent }
  | { kind: "progress"; progress: Progress }
  | { kind: "fleet"; fleet: Fleet };

export function readMessage(message: SseMessage): LiveMessage | undefined {
  let body: unknown;
  try {
    body = JSON.parse(message.data);
  } catch {
    return undefined;
  }
  if (!isRecord(body)) return undefined;
  if (message.event === "progress") return isProgress(body) ? { kind: "progress", progress: body } : undefined;
  if (message.event === "fleet") return isFleet(body) ? { kind: "fleet", fleet: body } : undefined;
  return isEvent(body) ? { kind: "event", event: body } : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isProgress(body: object): body is Progress {
  return (
    "campaign" in body &&
    typeof body.campaign === "number" &&
    "counters" in body &&
    isRecord(body.counters) &&
    "waves" in body &&
    Array.isArray(body.waves)
  );
}

function isFleet(body: object): body is Fleet {
  return (
    "vehicles" in body &&
    typeof body.vehicles === "number" &&
    "online" in body &&
    typeof body.online === "number" &&
    "models" in body &&
    Array.isArray(body.models) &&
    "campaigns" in body &&
    isRecord(body.campaigns) &&
    "dead_letters" in body &&
    "ingest" in body &&
    isRecord(body.ingest)
  );
}

function isEvent(body: object): body is LiveEvent {
  return (
    "id" in body &&
    typeof body.id === "number" &&
    "type" in body &&
    typeof body.type === "string" &&
    "at" in body &&
    "actor" in body
  );
}
