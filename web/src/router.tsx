/** The addresses of the dashboard. Every view has one, so that it can be sent to a colleague. */

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { currentToken } from "./api/session";
import { Crash } from "./pages/Crash";
import { Fleet } from "./pages/fleet/Fleet";
import { readShow, type Show } from "./pages/fleet/show";
import { Layout } from "./pages/Layout";
import { NotFound } from "./pages/NotFound";
import { SignIn } from "./pages/SignIn";

const root = createRootRoute({ notFoundComponent: () => <NotFound /> });

interface SignInSearch {
  /** Where to go afterwards. */
  to?: string;
  /** Why the last session ended. */
  ended?: "refused";
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  component: SignIn,
  validateSearch: (search: Record<string, unknown>): SignInSearch => ({
    ...(isOwnPath(search.to) ? { to: search.to } : {}),
    ...(search.ended === "refused" ? { ended: "refused" } : {}),
  }),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  component: Layout,
  beforeLoad: ({ location }) => {
    if (currentToken() === null) throw redirect({ to: "/sign-in", search: comingBackTo(location.href) });
  },
});

const fleet = createRoute({
  getParentRoute: () => signedIn,
  path: "/",
  component: Fleet,
  validateSearch: (search: Record<string, unknown>): { show?: Show } => {
    const show = readShow(search.show);
    return show === undefined ? {} : { show };
  },
});

const campaign = createRoute({
  getParentRoute: () => signedIn,
  path: "/campaigns/$id",
  component: lazyRouteComponent(() => import("./pages/campaign/Campaign"), "Campaign"),
  params: {
    parse: ({ id }) => ({ id: Number.parseInt(id, 10) || 0 }),
    stringify: ({ id }) => ({ id: String(id) }),
  },
});

export const router = createRouter({
  routeTree: root.addChildren([signIn, signedIn.addChildren([fleet, campaign])]),
  defaultErrorComponent: Crash,
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
