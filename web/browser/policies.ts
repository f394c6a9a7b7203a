/** The part of the story in which a campaign's plan and policies are written, kept, changed, and halt a bad release. */

import { expect, test } from "vitest";
import { accessible, picture, settled } from "./look";
import { person } from "./people";
import { headingOf, ROLLOUT_MS, type Scene } from "./scene";
import { api } from "./stage";

type Json = Record<string, unknown>;

/** The tests, in their order, for the story to take in. */
export function policies(scene: Scene): void {
  const { page } = scene;
  const button = (name: string | RegExp) => page().getByRole("button", { name });
  const field = (name: string | RegExp) => page().getByLabel(name, { exact: typeof name === "string" });
  const next = () => button("Next").click();
  let bad = 0;
  let planned = 0;

  test("every policy is written in the wizard, and what is wrong is told at its field", async () => {
    await page().goto("/campaigns/new?release=1");
    await page().getByRole("radio", { name: /Body control 2.0.0/ }).waitFor();
    await next();
    await next();
    await page().getByRole("radiogroup", { name: "How it grows" }).getByText("A ramp").click();
    await field("First wave").fill("2");
    await page().getByText(/^4 waves: 2 %/).waitFor();
    await page().getByRole("radiogroup", { name: "How it grows" }).getByText("Waves one by one").click();
    await field("Who is in wave 1").selectOption("expression");
    await field("Expression of wave 1").fill('"beta" in tags');
    await field("Who is in wave 2").selectOption("count");
    await field("Vehicles of wave 2").fill("10");
    await field("Who is in wave 3").selectOption("rest");
    await button("More of the gate of wave 1").click();
    const gate = page().getByRole("group", { name: "More of the gate of wave 1" });
    await gate.getByLabel("Counts once so many have reported").fill("80");
    await gate.getByText("Needed, for the fields beside it").waitFor();
    await gate.getByLabel("Installed, of those that reported an end").fill("99");
    await gate.getByLabel("All of this for").fill("2 h");
    await gate.getByLabel("A person approves how it went").check();
    // What was asked before is shown paler until the answer is there.
    await expect.poll(() => page().locator('[data-stale="true"]').count()).toBe(0);
    await accessible(page(), "waves with all their gates");
    await picture(page(), "wizard-gates");
    await next();
    await field("Failures that must be stopped").fill("0,5");
    await page().getByText("Above what is acceptable, and below 100 %.").waitFor();
    await expect.poll(() => button("Next").isDisabled()).toBe(true);
    await field("Failures that must be stopped").fill("4");
    await field("Under way at once, at most").fill("500");
    await field("Offers per minute").fill("100");
    await field(/^Let the rate adapt/).check();
    await field("Slowest, per minute").fill("10");
    await field("Fastest, per minute").fill("1000");
    await field("From one report to the next").fill("90");
    await page().getByText("A length of time with its unit").waitFor();
    await field("From one report to the next").fill("90 min");
    await field("Try again by itself").check();
    await field("Only these error codes").fill("battery_low, ecu_timeout");
    await button("Add a time of the week").click();
    await field("Sat").check();
    await button("Add days without").click();
    await field("First day").fill("2099-12-24");
    await field("Time zone of vehicles that do not know theirs").fill("Europe/Berlin");
    await field("The driver is").selectOption("ask");
    await field("Title").fill("New body control software");
    await page().getByRole("group", { name: "Text 1" }).getByLabel("Text", { exact: true }).fill("The doors stay locked meanwhile.");
    await field("Cannot be used for, in minutes").fill("12");
    await field(/^End earlier campaigns/).check();
    await accessible(page(), "policies");
    await picture(page(), "wizard-policies");
    await next();
    await field("Name").fill("Planned to the last field");
    await field("Priority").fill("-3");
    await field(/^Precondition/).fill("battery.soc >= 40");
    await field(/^Offer it also to vehicles/).check();
    await field("Why that is safe").fill("bench vehicles, always parked");
    await next();
    await page().getByRole("listitem").filter({ hasText: /halt › sequential test › unacceptable|halt › sequential test › intolerable failures: 4 %/ }).waitFor();
    await settled(page());
    await accessible(page(), "the review of everything");
    await picture(page(), "wizard-review-policies");
    await button("Create as a draft").click();
    await headingOf(page(), "Planned to the last field").waitFor();
  });

  test("the draft is as it was written, and nothing is changed by opening it", async () => {
    planned = Number(/campaigns\/(\d+)/.exec(page().url())?.[1]);
    const campaign = await api("GET", `/campaigns/${planned}`);
    expect(campaign.policy).toMatchObject({
      halt: { sequential: { acceptable_ratio: 0.01, intolerable_ratio: 0.04 } },
      max_in_flight: 500,
      rate: { per_minute: 100, adapt: { min_per_minute: 10, max_per_minute: 1000 } },
      timeouts: { step_secs: 5400 },
      retry: { max_attempts: 3, backoff_secs: 600, error_codes: ["battery_low", "ecu_timeout"] },
      supersede: true,
      precondition_waiver: "bench vehicles, always parked",
      windows: { weekly: [{ days: ["sat"], from: "22:00", to: "05:00" }], default_zone: "Europe/Berlin" },
      consent: { mode: "ask", minutes: 12, texts: { en: { title: "New body control software" } } },
    });
    const [first, second, third] = campaign.waves as Json[];
    expect(first).toMatchObject({ expression: '"beta" in tags', gate: { success_ratio: 0.99, reported_ratio: 0.8, soak_secs: 7200, approval: true } });
    expect(second).toMatchObject({ count: 10 });
    expect(third?.share_ratio ?? null).toBeNull();
    await page().getByRole("link", { name: "Change", exact: true }).click();
    await headingOf(page(), "Change “Planned to the last field”").waitFor();
    await button(/Review$/).click();
    await page().getByText("Nothing is changed yet.").waitFor();
    await button(/Schedule$/).click();
    await field("Priority").fill("8");
    await next();
    await button("Change campaign").click();
    await expect.poll(() => page().url()).not.toContain("/edit");
    await page().getByRole("definition").filter({ hasText: /^8$/ }).waitFor();
    expect((await api("GET", `/campaigns/${planned}`)).policy).toEqual(campaign.policy);
    await api("POST", `/campaigns/${planned}/cancel`, {});
  });

  test("a release that fails halts, and the page says at once why, who is exposed and what failed together", async () => {
    const { sha256 } = await api("POST", "/artifacts?file_name=bcm-2.1.0.bin", "firmware that fails", { type: "application/octet-stream" });
    const images = [{ hardware_id: "BCM", sha256, version: "2.1.0" }];
    const { id } = await api("POST", "/releases", { name: "Body control", version: "2.1.0", models: ["harbour-2025"], images });
    await api("POST", `/releases/${Number(id)}/lock`, {});
    await page().goto(`/campaigns/new?release=${Number(id)}`);
    await page().getByRole("radio", { name: /Body control 2.1.0/ }).waitFor();
    await next();
    await page().getByLabel("Target expression").fill('region in ["EU", "UK"]');
    await page().locator('[data-stale="false"]').getByText(/\d+ vehicles match now/).waitFor();
    await next();
    await button("All at once").click();
    await next();
    await button("Add a limit").click();
    await field("Halt above").fill("0");
    await field("once so many ended").fill("1");
    await next();
    await next();
    await button("Create and start").click();
    await headingOf(page(), "Body control 2.1.0 rollout").waitFor();
    bad = Number(/campaigns\/(\d+)/.exec(page().url())?.[1]);
    const halted = page().getByRole("region", { name: "This campaign is halted" });
    await halted.waitFor({ timeout: ROLLOUT_MS });
    await halted.getByText(/wave 1/).waitFor();
    await halted.getByText("Exposed", { exact: true }).waitFor();
    await halted.getByText("Not exposed").waitFor();
    await halted.getByText(/\d+ of \d+ failures · BCM/).first().waitFor();
    await halted.getByText(/^Resume: what has failed so far is forgiven/).waitFor();
    await settled(page());
    await accessible(page(), "a halted campaign");
    await picture(page(), "campaign-bad-release");
    const { counters } = (await api("GET", `/campaigns/${bad}`)) as { counters: Record<string, number> };
    const offered = Object.entries(counters).reduce((sum, [state, count]) => (state === "assigned" ? sum : sum + count), 0);
    await halted.getByText(String(offered), { exact: true }).first().waitFor();
  });

  test("who may only look is told so, and what failed together leads to its vehicles", async () => {
    const guest = await person(scene.browser(), "looker", "viewer");
    await guest.page.goto(`/campaigns/${bad}`);
    const halted = guest.page.getByRole("region", { name: "This campaign is halted" });
    await halted.getByText("Your role may only look.").waitFor();
    expect(await guest.page.getByRole("button", { name: /^Resume/ }).count()).toBe(0);
    await halted.getByRole("listitem").first().getByRole("link").click();
    await expect.poll(() => guest.page.url()).toContain("state=failed");
    await guest.page.context().close();
  });

  test("a point of the burn-up leads to the vehicles that came to their end then", async () => {
    await page().goto("/campaigns/1");
    const chart = page().getByRole("region", { name: "Burn-up" }).locator(".u-over");
    await chart.click({ position: { x: 40, y: 60 } });
    await expect.poll(() => page().url()).toContain("since=");
    const query = new URL(page().url()).searchParams;
    const [since, until] = [query.get("since") ?? "", query.get("until") ?? ""].map((one) => one.replaceAll('"', ""));
    const { items } = (await api("GET", `/campaigns/1/assignments?since=${since ?? ""}&until=${until ?? ""}&limit=1000`)) as { items: unknown[] };
    const loaded = page().getByRole("region", { name: "Vehicles" }).getByText(/^\d+ loaded$/);
    await expect.poll(() => loaded.innerText()).toBe(`${items.length} loaded`);
    await picture(page(), "campaign-sliced");
    await page().getByRole("button", { name: "Clear filters" }).click();
    await expect.poll(() => page().url()).not.toContain("since=");
  });
}
