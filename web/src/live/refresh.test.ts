import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { askAnew } from "./refresh";

test("an event during the first answer is not lost: the question is asked once more", async () => {
  const client = new QueryClient();
  let state = "draft";
  const sent: (() => void)[] = [];
  const queryFn = () => {
    const answer = state;
    return new Promise<string>((resolve) => sent.push(() => { resolve(answer); }));
  };
  const observer = new QueryObserver(client, { queryKey: ["campaign"], queryFn });
  const stop = observer.subscribe(() => undefined);

  state = "approved";
  const done = askAnew(client);
  sent.shift()?.();
  await expect.poll(() => sent.length).toBe(1);
  sent.shift()?.();
  await done;

  expect(observer.getCurrentResult().data).toBe("approved");
  stop();
});
