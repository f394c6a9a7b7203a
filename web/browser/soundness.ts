/** The part of the story about every page being sound: nothing jumps, files are kept, and without a server each says so. */

import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { accessible, fits, inTabs, NARROW, open, picture, settled, signIn, VIEWS, WIDE } from "./look";
import type { Scene } from "./scene";
import { api, server } from "./stage";

const [FIRST_VIEW] = VIEWS;
/** What is called good: above this, people lose the place that they read. */
const MOST_SHIFT = 0.1;

/** The tests, in their order, for the story to take in. */
export function soundness(scene: Scene): void {
  async function visitor(): Promise<Page> {
    const page = await open(scene.browser(), FIRST_VIEW);
    await page.goto("/");
    await signIn(page);
    await page.getByRole("heading", { level: 1, name: "Fleet" }).waitFor();
    return page;
  }

  test("nothing jumps while a page loads, it is named, and it complains of nothing", async () => {
    const page = await visitor();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    for (const path of ["/", "/campaigns", "/campaigns/1", "/vehicles", "/audit"]) {
      await page.goto(path);
      await settled(page);
      const seen = await page.evaluate(measured);
      process.stdout.write(`${path}: shifts ${seen.shift.toFixed(3)}, largest paint after ${Math.round(seen.largestPaintMs)} ms\n`);
      expect(seen.shift, `${path} jumps by`).toBeLessThan(MOST_SHIFT);
      expect(seen.title).toMatch(/ · Otaru$/);
      expect([seen.language, seen.viewport, seen.described]).toEqual(["en", true, true]);
    }
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("the dashboard's files are compressed and kept for ever, its page is asked for again", async () => {
    const index = await fetch(server.url, { headers: { "accept-encoding": "br" } });
    expect([index.headers.get("cache-control"), index.headers.get("content-encoding")]).toEqual(["no-cache", "br"]);
    const [script = ""] = /\/assets\/[^"]+\.js/.exec(await index.text()) ?? [];
    const file = await fetch(server.url + script, { headers: { "accept-encoding": "br" } });
    expect([file.headers.get("cache-control"), file.headers.get("content-encoding")]).toEqual(["public, max-age=31536000, immutable", "br"]);
  });

  test("a server that does not answer is told on every page, wide and narrow, and the page comes back by itself", async () => {
    const page = await visitor();
    const { items } = (await api("GET", "/campaigns/1/assignments?limit=1")) as { items: { vin: string }[] };
    const away = (path: string) => /\/api\/v1\/(?!session)/.test(path);
    await page.context().route((url) => away(url.pathname), (route) => route.abort());
    const pages = {
      fleet: "/",
      campaigns: "/campaigns",
      campaign: "/campaigns/1",
      review: "/campaigns/1/review",
      edit: "/campaigns/3/edit",
      rehearsal: "/campaigns/3/rehearsal",
      forecasts: "/campaigns/1/forecasts",
      excluded: "/campaigns/1/excluded",
      wizard: "/campaigns/new",
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
      audit: "/audit",
      access: "/access",
    };
    await inTabs(page, pages, async (tab, name, path) => {
      await tab.goto(path);
      await tab.getByText("Otaru does not answer").first().waitFor();
      await accessible(tab, `${name} without a server`);
      await picture(tab, `broken-${name}-light-wide`);
      await tab.setViewportSize(NARROW);
      await tab.emulateMedia({ colorScheme: "dark" });
      await fits(tab, `${name} without a server`);
      await picture(tab, `broken-${name}-dark-narrow`);
      await tab.setViewportSize(WIDE);
      await tab.emulateMedia({ colorScheme: "light" });
    });
    await page.goto("/campaigns/1");
    await page.getByText("Otaru does not answer").first().waitFor();
    await page.context().unrouteAll();
    await page.getByRole("heading", { level: 1, name: "Body control for Europe" }).waitFor();
    await page.context().close();
  });
}

/** What the browser noted while the page loaded. */
async function measured() {
  const entries = (type: string) =>
    new Promise<PerformanceEntry[]>((resolve) => {
      const observer = new PerformanceObserver((list) => {
        resolve(list.getEntries());
      });
      observer.observe({ type, buffered: true });
      // Nothing of a type is never told.
      setTimeout(() => {
        resolve([]);
      }, 200);
    });
  const shifts = (await entries("layout-shift")) as (PerformanceEntry & { value: number; hadRecentInput: boolean })[];
  const paints = await entries("largest-contentful-paint");
  return {
    shift: shifts.reduce((sum, one) => (one.hadRecentInput ? sum : sum + one.value), 0),
    largestPaintMs: paints.at(-1)?.startTime ?? 0,
    title: document.title,
    language: document.documentElement.lang,
    viewport: document.querySelector('meta[name="viewport"][content*="width=device-width"]') !== null,
    described: (document.querySelector('meta[name="description"]')?.getAttribute("content") ?? "") !== "",
  };
}
