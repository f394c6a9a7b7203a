import { expect, test } from "vitest";
import type { LiveEvent } from "../api/model";
import { withEvents } from "./events";

const event = (id: number): LiveEvent => ({ id, at: "2026-03-01T10:00:00Z", actor: "engine", type: "wave_opened" });

test("an answer that is older than what the stream brought takes nothing away", () => {
  const known = [event(1), event(2), event(3)];
  expect(withEvents(known, [event(1), event(2)]).map(({ id }) => id)).toEqual([1, 2, 3]);
});

test("each event is there once, in its order", () => {
  expect(withEvents([event(3)], [event(2), event(3), event(1)]).map(({ id }) => id)).toEqual([1, 2, 3]);
});
