/**
 * Keeps the dashboard live while it is looked at: one stream per tab, whatever its page, and none for a hidden tab:
 * browsers allow six connections to a host, and a forgotten tab should cost the server nothing.
 */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { endSession } from "../api/session";
import { applyMessages } from "./apply";
import { createBatcher } from "./batch";
import { openConnection, type Connection } from "./connection";
import { type LiveMessage, readMessage } from "./messages";
import { askAnew, REFRESH_MS } from "./refresh";
import { setLiveStatus } from "./status";

/** How long a tab may be hidden before its stream is closed. */
const HIDDEN_MS = 30_000;

export function useLive(): void {
  const client = useQueryClient();
  useEffect(() => {
    const batcher = createBatcher<LiveMessage>(REFRESH_MS, (messages) => applyMessages(client, messages));
    let connection: Connection | undefined;
    let goOnAfter: string | undefined;
    let hiding: ReturnType<typeof setTimeout> | undefined;

    function open(): void {
      if (connection !== undefined) return;
      connection = openConnection({
        url: "/api/v1/events",
        lastEventId: goOnAfter,
        onMessage: (message) => {
          const understood = readMessage(message);
          if (understood) batcher.push(understood);
        },
        onStatus: (status) => {
          setLiveStatus(status);
          // Progress is not repeated, so whatever happened before the stream began is asked for.
          if (status.state === "live") void askAnew(client);
        },
        onUnauthorized: () => {
          endSession("refused");
        },
      });
    }

    function close(): void {
      if (connection === undefined) return;
      if (connection.lastEventId !== "") goOnAfter = connection.lastEventId;
      connection.close();
      connection = undefined;
    }

    function onVisibility(): void {
      clearTimeout(hiding);
      if (document.hidden) hiding = setTimeout(close, HIDDEN_MS);
      else open();
    }

    open();
    document.addEventListener("visibilitychange", onVisibility);
    return () => {
      document.removeEventListener("visibilitychange", onVisibility);
      clearTimeout(hiding);
      close();
      batcher.stop();
    };
  }, [client]);
}
