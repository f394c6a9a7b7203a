/** What the pages ask for, under which key it is kept, and when asking again makes sense. */

import { infiniteQueryOptions, QueryClient, queryOptions } from "@tanstack/react-query";
import * as api from "./client";
import { getEmergencyStop } from "./emergency";
import * as evidence from "./evidence";
import { asApiError } from "./errors";
import * as groups from "./groups";
import * as signing from "./keys";
import { withEvents } from "../live/events";
import { askAgainAfter } from "../rollout/presence";
import type { CampaignState, LiveEvent, Page } from "./model";
import { getReview } from "./review";
import { getSteps } from "./steps";
import * as undo from "./undo";

export const keys = {
  fleet: ["fleet"],
  versions: ["versions"],
  /** All lists of campaigns. */
  campaigns: ["campaigns"],
  everyCampaign: ["campaign"],
  campaign: (id: number) => ["campaign", id],
  /** What a campaign's counters do not say: its failures, its burn-up, its vehicles. */
  insight: (id: number) => ["insight", id],
  /** What is played on the server, and so asked for less often: rehearsals and forecasts. */
  foresight: (id: number) => ["foresight", id],
  undo: (id: number) => ["undo", id],
  steps: (id: number) => ["steps", id],
  everyTimeline: ["timeline"],
  timeline: (id: number) => ["timeline", id],
  releases: ["releases"],
  release: (id: number) => ["release", id],
  models: ["models"],
  /** It and its keys. */
  model: (id: string) => ["model", id],
  vehicles: ["vehicles"],
  vehicle: (vin: string) => ["vehicle", vin],
  deadLetters: ["dead-letters"],
  tokens: ["tokens"],
  sessions: ["sessions"],
  everyReview: ["review"],
  review: (id: number) => ["review", id],
  emergencyStop: ["emergency-stop"],
  evidence: (release: number) => ["evidence", release],
  /** The log and its head. */
  audit: ["audit"],
  rxswins: ["rxswins"],
  groups: ["groups"],
  /** It and its vehicles. */
  group: (id: string) => ["group", id],
} as const;

/** What changes when somebody does something with a campaign. */
export const touchedByCommand = (id: number) => [
  keys.campaign(id),
  keys.campaigns,
  keys.timeline(id),
  keys.review(id),
  keys.foresight(id),
  keys.fleet,
];

const PAGE = 50;
const SHOWN_PER_STATE = 20;
/** What is looked up for choosing from, such as models: all of it, or more than anybody chooses from. */
const ALL = 1000;

export const fleetQuery = queryOptions({ queryKey: keys.fleet, queryFn: ({ signal }) => api.getFleet(signal) });

export const versionsQuery = (model?: string) =>
  queryOptions({
    queryKey: [...keys.versions, model ?? ""],
    queryFn: ({ signal }) => api.getVersions(model, signal),
    // Reads the whole fleet, so not with every vehicle that moves.
    staleTime: 30_000,
  });

/** A list in pages; the key says which. */
function pages<P extends Page<unknown>>(
  queryKey: readonly unknown[],
  load: (cursor: string | undefined, signal: AbortSignal) => Promise<P>,
) {
  return infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam, signal }) => load(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

export const campaignsQuery = (filter: api.CampaignFilter) =>
  pages([...keys.campaigns, filter], (cursor, signal) => api.listCampaigns({ ...filter, cursor, limit: PAGE }, signal));

/** The newest campaigns in a state, kept as a list in pages so that the live stream finds it. */
export const openCampaignsQuery = (state: CampaignState) =>
  queryOptions({
    queryKey: [...keys.campaigns, "first", state],
    queryFn: async ({ signal }) => ({
      pages: [await api.listCampaigns({ state, limit: SHOWN_PER_STATE }, signal)],
      pageParams: [undefined],
    }),
  });

export const campaignQuery = (id: number) =>
  queryOptions({ queryKey: keys.campaign(id), queryFn: ({ signal }) => api.getCampaign(id, signal) });

export const failuresQuery = (id: number) =>
  queryOptions({
    queryKey: [...keys.insight(id), "failures"],
    queryFn: ({ signal }) => api.listFailures(id, signal),
  });

export const excludedQuery = (id: number, filter: undo.ExcludedFilter) =>
  pages([...keys.insight(id), "excluded", filter], (cursor, signal) =>
    undo.listExcluded(id, { ...filter, cursor, limit: PAGE }, signal),
  );

export const undoQuery = (id: number) =>
  queryOptions({ queryKey: keys.undo(id), queryFn: ({ signal }) => undo.getUndo(id, signal) });

/** A solver looks for the ways, so not with every vehicle that moves. */
export const stepsQuery = (id: number) =>
  queryOptions({ queryKey: keys.steps(id), queryFn: ({ signal }) => getSteps(id, signal), staleTime: 30_000 });

export const burnUpQuery = (id: number) =>
  queryOptions({ queryKey: [...keys.insight(id), "burn-up"], queryFn: ({ signal }) => api.getBurnUp(id, signal) });

export const dropsQuery = (id: number) =>
  queryOptions({ queryKey: [...keys.insight(id), "drops"], queryFn: ({ signal }) => api.getDrops(id, signal) });

export const assignmentsQuery = (id: number, filter: api.AssignmentFilter) =>
  pages([...keys.insight(id), "assignments", filter], (cursor, signal) =>
    api.listAssignments(id, { ...filter, cursor, limit: 200 }, signal),
  );

/** A campaign's events, oldest first; the live stream adds to them, also while they are asked for. */
export const timelineQuery = (id: number) =>
  queryOptions({
    queryKey: keys.timeline(id),
    queryFn: async ({ client, signal }): Promise<LiveEvent[]> => {
      const events = await api.listCampaignEvents(id, signal);
      return withEvents(client.getQueryData<LiveEvent[]>(keys.timeline(id)) ?? [], events);
    },
  });

export const releasesQuery = pages(keys.releases, (cursor, signal) => api.listReleases({ cursor, limit: PAGE }, signal));

/** All of them, for what they require of each other. */
export const everyReleaseQuery = queryOptions({
  queryKey: [...keys.releases, "every"],
  queryFn: async ({ signal }) => (await api.listReleases({ limit: ALL }, signal)).items,
});

export const releaseQuery = (id: number) =>
  queryOptions({ queryKey: keys.release(id), queryFn: ({ signal }) => api.getRelease(id, signal) });

export const artifactQuery = (sha256: string) =>
  queryOptions({
    queryKey: ["artifact", sha256],
    queryFn: ({ signal }) => api.getArtifact(sha256, signal),
    staleTime: Infinity,
  });

export const modelsQuery = queryOptions({
  queryKey: keys.models,
  queryFn: async ({ signal }) => (await api.listModels({ limit: ALL }, signal)).items,
});

export const modelQuery = (id: string) =>
  queryOptions({ queryKey: keys.model(id), queryFn: ({ signal }) => signing.getModel(id, signal) });

export const signingKeysQuery = (id: string) =>
  queryOptions({ queryKey: [...keys.model(id), "keys"], queryFn: ({ signal }) => signing.listKeys(id, signal) });

export const vehiclesQuery = (filter: api.VehicleFilter) =>
  pages([...keys.vehicles, filter], (cursor, signal) => api.listVehicles({ ...filter, cursor, limit: PAGE }, signal));

export const vehicleQuery = (vin: string) =>
  queryOptions({
    queryKey: keys.vehicle(vin),
    queryFn: ({ signal }) => api.getVehicle(vin, signal),
    // That it is online holds until a time that the answer names; then it is asked again.
    refetchInterval: ({ state }) => askAgainAfter(state.data, Date.now()),
  });

export const ecusQuery = (vin: string, at: string | undefined) =>
  queryOptions({
    queryKey: [...keys.vehicle(vin), "ecus", at ?? ""],
    queryFn: ({ signal }) => api.listEcus(vin, at, signal),
  });

export const ecuHistoryQuery = (vin: string) =>
  queryOptions({
    queryKey: [...keys.vehicle(vin), "history"],
    queryFn: ({ signal }) => api.listEcuHistory(vin, signal),
  });

export const vehicleAssignmentsQuery = (vin: string) =>
  queryOptions({
    queryKey: [...keys.vehicle(vin), "assignments"],
    queryFn: ({ signal }) => api.listVehicleAssignments(vin, signal),
  });

export const whyNotQuery = (campaign: number, vin: string) =>
  queryOptions({
    queryKey: [...keys.vehicle(vin), "why-not", campaign],
    queryFn: ({ signal }) => api.getWhyNot(campaign, vin, signal),
  });

export const deadLettersQuery = pages(keys.deadLetters, (cursor, signal) =>
  api.listDeadLetters({ cursor, limit: PAGE }, signal),
);

export const tokensQuery = queryOptions({
  queryKey: keys.tokens,
  queryFn: async ({ signal }) => (await api.listTokens({ limit: ALL }, signal)).items,
});

export const reviewQuery = (id: number) =>
  queryOptions({ queryKey: keys.review(id), queryFn: ({ signal }) => getReview(id, signal) });

export const emergencyStopQuery = queryOptions({
  queryKey: keys.emergencyStop,
  queryFn: ({ signal }) => getEmergencyStop(signal),
});

export const evidenceQuery = (release: number) =>
  queryOptions({ queryKey: keys.evidence(release), queryFn: ({ signal }) => evidence.getEvidence(release, signal) });

export const auditQuery = (filter: evidence.AuditFilter) =>
  pages([...keys.audit, "entries", filter], (cursor, signal) =>
    evidence.listAudit({ ...filter, cursor, limit: PAGE }, signal),
  );

export const auditHeadQuery = queryOptions({
  queryKey: [...keys.audit, "head"],
  queryFn: ({ signal }) => evidence.getAuditHead(signal),
});

export const rxswinsQuery = pages(keys.rxswins, (cursor, signal) => evidence.listRxswins({ cursor, limit: PAGE }, signal));

export const rxswinQuery = (rxswin: string) =>
  queryOptions({
    queryKey: [...keys.rxswins, rxswin],
    queryFn: ({ signal }) => evidence.getRxswin(rxswin, signal),
  });

export const rxswinVehiclesQuery = (rxswin: string) =>
  pages([...keys.rxswins, rxswin, "vehicles"], (cursor, signal) =>
    evidence.listRxswinVehicles(rxswin, { cursor, limit: PAGE }, signal),
  );

export const groupsQuery = pages(keys.groups, (cursor, signal) => groups.listGroups({ cursor, limit: PAGE }, signal));

export const groupQuery = (id: string) =>
  queryOptions({ queryKey: keys.group(id), queryFn: ({ signal }) => groups.getGroup(id, signal) });

export const groupVehiclesQuery = (id: string) =>
  pages([...keys.group(id), "vehicles"], (cursor, signal) => groups.listGroupVehicles(id, { cursor, limit: PAGE }, signal));

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
