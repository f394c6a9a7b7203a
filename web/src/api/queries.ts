/** What the pages ask for, under which key it is kept, and when asking again makes sense. */

import { infiniteQueryOptions, QueryClient, queryOptions } from "@tanstack/react-query";
import { getCampaign, getFleet, getRelease, listCampaigns } from "./client";
import { asApiError } from "./errors";
import type { LiveEvent } from "./model";

export const keys = {
  fleet: ["fleet"],
  campaigns: ["campaigns"],
  campaign: (id: number) => ["campaign", id],
  timeline: (id: number) => ["timeline", id],
  release: (id: number) => ["release", id],
} as const;

export const fleetQuery = queryOptions({ queryKey: keys.fleet, queryFn: ({ signal }) => getFleet(signal) });

export const campaignsQuery = infiniteQueryOptions({
  queryKey: keys.campaigns,
  queryFn: ({ pageParam, signal }) => listCampaigns(pageParam, signal),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export const campaignQuery = (id: number) =>
  queryOptions({ queryKey: keys.campaign(id), queryFn: ({ signal }) => getCampaign(id, signal) });

/** A campaign's release is locked, so its name never changes. */
export const releaseQuery = (id: number) =>
  queryOptions({ queryKey: keys.release(id), queryFn: ({ signal }) => getRelease(id, signal), staleTime: Infinity });

/** A campaign's events, newest last. Only the live stream fills it. */
export const timelineQuery = (id: number) =>
  queryOptions({
    queryKey: keys.timeline(id),
    queryFn: (): LiveEvent[] => [],
    enabled: false,
    staleTime: Infinity,
    gcTime: Infinity,
  });

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The live stream says when something changed; a page that comes back after a while asks anyway.
        staleTime: 5_000,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        // An installation on this very machine answers without a network.
        networkMode: "always",
        retry: (failures, error) => asApiError(error).isTransient && failures < 2,
        retryDelay: (failures) => 500 * 2 ** failures,
      },
      mutations: { networkMode: "always", retry: false },
    },
  });
}
