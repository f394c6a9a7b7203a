/** The last part of the story: every page in every view and both languages, signing out, a server that goes away. */

import { expect, test } from "vitest";
import { accessible, fits, inTabs, open, picture, settled, signIn, VIEWS } from "./look";
import { goTo, headingOf, type Scene } from "./scene";
import { api, server } from "./stage";

const RXSWIN = "R11 2025-04";

/** The tests, in their order, for the story to take in. */
export function ending(scene: Scene): void {
  const { page } = scene;
  const heading = (name: string | RegExp) => headingOf(page(), name);
  const go = (name: string) => goTo(page(), name);

  test.each(VIEWS)("every page can be read and used: $name", async (view) => {
    const german = view.name === "dark-narrow";
    const other = await open(scene.browser(), view, german ? "de-DE" : "en-GB");
    other.context().on("weberror", (told) => scene.complaints.push(told.error().message));
    await other.goto("/sign-in");
    await picture(other, `sign-in-${view.name}`);
    await signIn(other);
    await other.getByRole("heading", { level: 1, name: german ? "Flotte" : "Fleet" }).waitFor();
    const { items } = (await api("GET", "/campaigns/1/assignments?state=failed&limit=1")) as { items: { vin: string }[] };
    await api("PATCH", `/vehicles/${items[0]?.vin ?? ""}`, { rxswin: RXSWIN });
    const pages = {
      fleet: "/",
      campaigns: "/campaigns",
      campaign: "/campaigns/1",
      "campaign-logs": "/campaigns/1?by=log",
      "campaign-halted": "/campaigns/2",
      rehearsal: "/campaigns/3/rehearsal",
      forecasts: "/campaigns/1/forecasts",
      "forecasts-halted": "/campaigns/2/forecasts",
      "campaign-review": "/campaigns/4/review",
      "campaign-excluded": "/campaigns/5/excluded",
      "campaign-edit": "/campaigns/3/edit",
      "review-of-draft": "/campaigns/3/review",
      wizard: "/campaigns/new?release=1",
      releases: "/releases",
      release: "/releases/1",
      "new-release": "/releases/new",
      vehicles: "/vehicles",
      vehicle: `/vehicles/${items[0]?.vin ?? ""}`,
      groups: "/groups",
      group: "/groups/winter-testers",
      models: "/models",
      model: "/models/harbour-2025",
      "dead-letters": "/dead-letters",
      rxswins: "/rxswins",
      rxswin: `/rxswins/${encodeURIComponent(RXSWIN)}`,
      audit: "/audit",
      access: "/access",
      "not-found": "/nowhere",
      "no-campaign": "/campaigns/999",
    };
    await inTabs(other, pages, async (tab, name, path) => {
      await tab.goto(path);
      await settled(tab);
      await picture(tab, `${name}-${view.name}`);
      await fits(tab, `${name} ${view.name}`);
      await accessible(tab, `${name} ${view.name}`);
    });
    if (view.name.endsWith("narrow")) {
      await other.getByRole("button", { name: german ? "Menü" : "Menu" }).click();
      await other.getByRole("dialog").getByRole("link", { name: german ? "Modelle" : "Models" }).waitFor();
      await accessible(other, `menu ${view.name}`);
      await picture(other, `menu-${view.name}`);
      await other.getByRole("dialog").getByRole("link", { name: german ? "Modelle" : "Models" }).click();
      await other.getByRole("dialog").waitFor({ state: "hidden" });
    }
    await other.context().close();
  });

  test("the language is changed in place, and kept", async () => {
    await page().getByRole("button", { name: "Language: Deutsch" }).click();
    await page().getByRole("button", { name: "Neues Token" }).waitFor();
    await page().reload();
    await heading("Zugang").waitFor();
    expect(await page().evaluate(() => document.documentElement.lang)).toBe("de");
    await page().getByRole("button", { name: "Sprache: English" }).click();
    await heading("Access").waitFor();
  });

  test("whoever signs out is out", async () => {
    await page().getByRole("button", { name: "Sign out" }).click();
    await heading("Sign in").waitFor();
    expect(await page().context().cookies(`${server.url}/api/v1`)).toEqual([]);
    await page().goto("/campaigns/1");
    await heading("Sign in").waitFor();
    await signIn(page());
    await heading("Body control for Europe").waitFor();
  });

  test("without a server the page says since when it is old, and others say what is wrong", async () => {
    await settled(page());
    process.kill(server.pid, "SIGTERM");
    await page().getByRole("status").filter({ hasText: /Stale since/ }).waitFor({ timeout: 60_000 });
    await picture(page(), "broken-stale");
    await go("Dead letters");
    await page().getByText("Otaru does not answer").waitFor();
    await accessible(page(), "without a server");
    await picture(page(), "broken-page");
    expect(scene.complaints).toEqual([]);
  });
}
