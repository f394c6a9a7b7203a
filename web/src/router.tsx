/** The addresses of the dashboard. Every view has one, so that it can be sent to a colleague. */

import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import type { QueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { getSession } from "./api/client";
import { ApiError } from "./api/errors";
import { campaignQuery, createQueryClient } from "./api/queries";
import { beginSession, currentSession } from "./api/session";
import { Broken } from "./pages/Broken";
import { Layout } from "./pages/Layout";
import { NotFound } from "./pages/NotFound";
import {
  readAsOf,
  readAudit,
  readCampaign,
  readCampaigns,
  readExcluded,
  readRehearsal,
  readVehicles,
  readWizard,
} from "./pages/search";
import { SignIn } from "./pages/SignIn";

const root = createRootRouteWithContext<{ queries: QueryClient }>()({ notFoundComponent: () => <NotFound /> });

interface SignInSearch {
  /** Where to go afterwards. */
  to?: string;
  /** Why the last session ended. */
  ended?: "refused";
  /** Why a provider did not sign somebody in. */
  error?: string;
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  component: SignIn,
  validateSearch: (search: Record<string, unknown>): SignInSearch => ({
    ...(isOwnPath(search.to) ? { to: search.to } : {}),
    ...(search.ended === "refused" ? { ended: "refused" } : {}),
    ...(typeof search.error === "string" ? { error: search.error } : {}),
  }),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  component: Layout,
  beforeLoad: async ({ location }) => {
    if (currentSession() === undefined) beginSession(await getSession());
    if (currentSession() === null) throw redirect({ to: "/sign-in", search: comingBackTo(location.href) });
  },
});

const wholeNumber = {
  parse: ({ id }: { id: string }) => ({ id: Number.parseInt(id, 10) || 0 }),
  stringify: ({ id }: { id: number }) => ({ id: String(id) }),
};

/** A page that is loaded when it is opened. One that does not arrive says so, where the router would load everything anew. */
function page<K extends string, M extends Record<K, () => ReactNode>>(load: () => Promise<M>, name: K) {
  return lazyRouteComponent(async () => {
    try {
      return await load();
    } catch {
      throw ApiError.missingPart();
    }
  }, name);
}

const inside = () => signedIn;
const fleet = createRoute({
  getParentRoute: inside,
  path: "/",
  component: page(() => import("./pages/fleet/Fleet"), "Fleet"),
});
const campaigns = createRoute({
  getParentRoute: inside,
  path: "/campaigns",
  component: page(() => import("./pages/campaigns/Campaigns"), "Campaigns"),
  validateSearch: readCampaigns,
});
const wizard = createRoute({
  getParentRoute: inside,
  path: "/campaigns/new",
  component: page(() => import("./pages/wizard/Wizard"), "Wizard"),
  validateSearch: readWizard,
});
const campaign = createRoute({
  getParentRoute: inside,
  path: "/campaigns/$id",
  component: page(() => import("./pages/campaign/Campaign"), "Campaign"),
  // Asked for while the page itself is on its way; the page says what goes wrong.
  loader: ({ context, params }) => {
    context.queries.query(campaignQuery(params.id)).catch(() => undefined);
  },
  params: wholeNumber,
  validateSearch: readCampaign,
});
const review = createRoute({
  getParentRoute: inside,
  path: "/campaigns/$id/review",
  component: page(() => import("./pages/review/Review"), "Review"),
  params: wholeNumber,
});
const edit = createRoute({
  getParentRoute: inside,
  path: "/campaigns/$id/edit",
  component: page(() => import("./pages/wizard/Edit"), "Edit"),
  params: wholeNumber,
});
const rehearsal = createRoute({
  getParentRoute: inside,
  path: "/campaigns/$id/rehearsal",
  component: page(() => import("./pages/rehearsal/Rehearsal"), "Rehearsal"),
  params: wholeNumber,
  validateSearch: readRehearsal,
});
const forecasts = createRoute({
  getParentRoute: inside,
  path: "/campaigns/$id/forecasts",
  component: page(() => import("./pages/forecasts/Forecasts"), "Forecasts"),
  params: wholeNumber,
});
const excluded = createRoute({
  getParentRoute: inside,
  path: "/campaigns/$id/excluded",
  component: page(() => import("./pages/excluded/Excluded"), "Excluded"),
  params: wholeNumber,
  validateSearch: readExcluded,
});
const vehicles = createRoute({
  getParentRoute: inside,
  path: "/vehicles",
  component: page(() => import("./pages/vehicles/Vehicles"), "Vehicles"),
  validateSearch: readVehicles,
});
const vehicle = createRoute({
  getParentRoute: inside,
  path: "/vehicles/$vin",
  component: page(() => import("./pages/vehicle/Vehicle"), "Vehicle"),
  validateSearch: readAsOf,
});
const releases = createRoute({
  getParentRoute: inside,
  path: "/releases",
  component: page(() => import("./pages/releases/Releases"), "Releases"),
});
const newRelease = createRoute({
  getParentRoute: inside,
  path: "/releases/new",
  component: page(() => import("./pages/releases/NewRelease"), "NewRelease"),
});
const release = createRoute({
  getParentRoute: inside,
  path: "/releases/$id",
  component: page(() => import("./pages/releases/Release"), "Release"),
  params: wholeNumber,
});
const groups = createRoute({
  getParentRoute: inside,
  path: "/groups",
  component: page(() => import("./pages/groups/Groups"), "Groups"),
});
const group = createRoute({
  getParentRoute: inside,
  path: "/groups/$group",
  component: page(() => import("./pages/groups/Group"), "Group"),
});
const models = createRoute({
  getParentRoute: inside,
  path: "/models",
  component: page(() => import("./pages/models/Models"), "Models"),
});
const model = createRoute({
  getParentRoute: inside,
  path: "/models/$model",
  component: page(() => import("./pages/model/Model"), "Model"),
});
const deadLetters = createRoute({
  getParentRoute: inside,
  path: "/dead-letters",
  component: page(() => import("./pages/deadletters/DeadLetters"), "DeadLetters"),
});
const rxswins = createRoute({
  getParentRoute: inside,
  path: "/rxswins",
  component: page(() => import("./pages/rxswins/Rxswins"), "Rxswins"),
});
const rxswin = createRoute({
  getParentRoute: inside,
  path: "/rxswins/$rxswin",
  component: page(() => import("./pages/rxswins/Rxswin"), "Rxswin"),
});
const audit = createRoute({
  getParentRoute: inside,
  path: "/audit",
  component: page(() => import("./pages/audit/Audit"), "Audit"),
  validateSearch: readAudit,
});
const access = createRoute({
  getParentRoute: inside,
  path: "/access",
  component: page(() => import("./pages/access/Access"), "Access"),
});

export const router = createRouter({
  context: { queries: createQueryClient() },
  routeTree: root.addChildren([
    signIn,
    signedIn.addChildren([
      fleet,
      campaigns,
      wizard,
      campaign,
      review,
      edit,
      rehearsal,
      forecasts,
      excluded,
      vehicles,
      vehicle,
      releases,
      newRelease,
      release,
      groups,
      group,
      models,
      model,
      deadLetters,
      rxswins,
      rxswin,
      audit,
      access,
    ]),
  ]),
  defaultErrorComponent: Broken,
  defaultPreload: "intent",
  // A page shows by itself that it loads; the router need not hold the old one back for long.
  defaultPendingMs: 300,
  scrollRestoration: true,
});

export function comingBackTo(href: string): SignInSearch {
  return href === "/" ? {} : { to: href };
}

/** Only a path of this site, or a link could send somebody who signs in to another one. */
function isOwnPath(value: unknown): value is string {
  return typeof value === "string" && /^\/(?![/\\])/.test(value);
}

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
