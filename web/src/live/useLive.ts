/**
 * Keeps a page live while it is looked at. One stream per page, none for a hidden tab: browsers allow six
 * connections to a host, and a forgotten tab should cost the server nothing.
 */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { LiveEvent } from "../api/model";
import { keys } from "../api/queries";
import { currentToken, endSession } from "../api/session";
import { applyMessages, REFRESH_MS } from "./apply";
import { createBatcher } from "./batch";
import { openConnection, type Connection } from "./connection";
import { type LiveMessage, readMessage } from "./messages";
import { setLiveStatus } from "./status";

/** How long a tab may be hidden before its stream is closed. */
const HIDDEN_MS = 30_000;

/** Follows the whole fleet, or one campaign with all its events from the first on. */
export function useLive(campaign?: number): void {
  const client = useQueryClient();
  useEffect(() => {
    const batcher = createBatcher<LiveMessage>(REFRESH_MS, (messages) => applyMessages(client, messages));
    let connection: Connection | undefined;
    // A campaign's page begins with the whole history: it is short, and so the timeline has no gaps.
    let goOnAfter = campaign === undefined ? undefined : "0";
    if (campaign !== undefined) client.setQueryData<LiveEvent[]>(keys.timeline(campaign), (known) => known ?? []);
    let hiding: ReturnType<typeof setTimeout> | undefined;

    function open(): void {
      const token = currentToken();
      if (connection !== undefined || token === null) return;
      connection = openConnection({
        url: campaign === undefined ? "/api/v1/events" : `/api/v1/events?campaign=${campaign}`,
        token,
        lastEventId: goOnAfter,
        onMessage: (message) => {
          const understood = readMessage(message);
          if (understood) batcher.push(understood);
        },
        onStatus: (status) => {
          setLiveStatus(status);
          // Progress is not repeated, so whatever happened before the stream began is asked for.
          if (status.state === "live") void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "timeline" });
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
  }, [client, campaign]);
}
