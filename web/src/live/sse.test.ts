import { expect, test } from "vitest";
import { createSseParser, type SseMessage } from "./sse";

function parse(...chunks: string[]): SseMessage[] {
  const parser = createSseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

test("a message ends at its empty line", () => {
  const parser = createSseParser();
  expect(parser.push("event: progress\ndata: {}\n")).toEqual([]);
  expect(parser.push("\n")).toEqual([{ event: "progress", data: "{}", lastEventId: "" }]);
});

test("every way to cut a stream gives the same messages", () => {
  const stream = "\uFEFF: hello\r\n\r\nid: 7\r\nevent: a\r\ndata: one\r\ndata: zwei €\r\n\r\rdata:x\n\nid\ndata\n\n";
  const whole = parse(stream);
  expect(whole).toHaveLength(3);
  for (let cut = 0; cut <= stream.length; cut += 1) {
    expect(parse(stream.slice(0, cut), stream.slice(cut)), `cut at ${cut}`).toEqual(whole);
  }
  expect(parse(...stream.split(""))).toEqual(whole);
});

test("several data lines are joined by a newline", () => {
  expect(parse("data: a\ndata:\ndata: b\n\n")[0]?.data).toBe("a\n\nb");
});

test("only one space after the colon is taken off", () => {
  expect(parse("data:  two\n\n")[0]?.data).toBe(" two");
  expect(parse("data:none\n\n")[0]?.data).toBe("none");
});

test("comments and unknown fields say nothing", () => {
  expect(parse(": heartbeat\n\n:\n\nfoo: bar\n\n")).toEqual([]);
});

test("a message without data is not delivered, but its id counts", () => {
  const parser = createSseParser("3");
  expect(parser.push("id: 4\nevent: ping\n\n")).toEqual([]);
  expect(parser.lastEventId).toBe("4");
  expect(parser.push("data: x\n\n")[0]).toEqual({ event: "message", data: "x", lastEventId: "4" });
});

test("an id that was not yet dispatched does not count", () => {
  const parser = createSseParser();
  parser.push("id: 1\ndata: x\n\nid: 2\ndata: y\n");
  expect(parser.lastEventId).toBe("1");
});

test("an id with a NUL is ignored and an empty one resets", () => {
  const parser = createSseParser("9");
  parser.push("id: 1\0\ndata: x\n\n");
  expect(parser.lastEventId).toBe("9");
  parser.push("id:\ndata: x\n\n");
  expect(parser.lastEventId).toBe("");
});

test("retry takes digits only", () => {
  const parser = createSseParser();
  parser.push("retry: 1500\n\n");
  expect(parser.retryMs).toBe(1500);
  parser.push("retry: soon\n\nretry: -1\n\n");
  expect(parser.retryMs).toBe(1500);
});

test("the event name holds for one message", () => {
  expect(parse("event: fleet\ndata: 1\n\ndata: 2\n\n").map((message) => message.event)).toEqual(["fleet", "message"]);
});
