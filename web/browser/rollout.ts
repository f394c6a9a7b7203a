/** The part of the story in which vehicles are updated: waves, failures, who is left out, a pause. */

import { expect, test } from "vitest";
import { accessible, picture, pictureForReadme, settled } from "./look";
import { goTo, headingOf, ROLLOUT_MS, type Scene } from "./scene";
import { api } from "./stage";

/** The tests, in their order, for the story to take in. */
export function rollout(scene: Scene): void {
  const { page } = scene;
  const heading = (name: string | RegExp) => headingOf(page(), name);
  const go = (name: string) => goTo(page(), name);

  test("waves open by themselves, and the page follows until the campaign has ended", async () => {
    const wave = (number: number) => page().getByRole("row", { name: new RegExp(`^${number} `) });
    await wave(2).getByText(/Open|Gate holds|Finished/).waitFor({ timeout: ROLLOUT_MS });
    await page().getByText("Without history: no campaign of its models has completed yet.").waitFor();
    await picture(page(), "campaign-running");
    await wave(3).getByText("Finished").waitFor({ timeout: ROLLOUT_MS });
    await page().getByText("Completed (was running)").waitFor();
    // The counters run ahead of the state, which is asked for anew.
    await page().getByText("Completed", { exact: true }).first().waitFor();
    const { counters } = (await api("GET", "/campaigns/1")) as { counters: Record<string, number> };
    expect(Object.values(counters).reduce((sum, count) => sum + count, 0)).toBe(96);
    await page().getByText(`${counters.installed ?? 0}`, { exact: true }).first().waitFor();
    await settled(page());
    await pictureForReadme(page(), "campaign");
  });

  test("what failed together is one line, which leads to its vehicles and to one of them", async () => {
    const cluster = page().locator("details", { hasText: "flash_write_error" });
    await cluster.locator("summary").click();
    await cluster.getByText(/flash: write of block/).waitFor();
    await cluster.getByRole("row", { name: /BCM 1\.[01]\.0/ }).first().waitFor();
    await picture(page(), "campaign-failures");
    await accessible(page(), "campaign with a cluster open");
    await cluster.getByRole("link", { name: "Show these vehicles" }).click();
    await expect.poll(() => page().url()).toContain("error_code=flash_write_error");
    const { items } = (await api("GET", "/campaigns/1/assignments?state=failed&error_code=flash_write_error")) as {
      items: { vin: string }[];
    };
    const table = page().getByRole("table", { name: "Vehicles" });
    await expect.poll(() => table.getByRole("link").count()).toBe(items.length);
    await table.getByRole("link").first().click();
    await heading(items[0]?.vin ?? "").waitFor();
    await page().getByRole("img", { name: /Steps in Body control for Europe.*Failed/ }).waitFor();
    await page().getByText("flash: aborted").waitFor();
  });

  test("a vehicle's software is shown as of a time", async () => {
    const { items } = (await api("GET", "/campaigns/1/assignments?state=installed&limit=1")) as { items: { vin: string; assigned_at: string }[] };
    const { vin = "", assigned_at: assigned = "" } = items[0] ?? {};
    const software = () => page().getByRole("region", { name: "Software" });
    await page().goto(`/vehicles/${vin}`);
    await software().getByRole("row", { name: /BCM 2\.0\.0/ }).waitFor();
    await page().goto(`/vehicles/${vin}?at=${encodeURIComponent(assigned)}`);
    await software().getByRole("row", { name: /BCM 1\.[01]\.0/ }).waitFor();
    await page().getByRole("button", { name: "Now", exact: true }).click();
    await software().getByRole("row", { name: /BCM 2\.0\.0/ }).waitFor();
  });

  test("who runs the release already is left out of the next campaign, and the wizard says so", async () => {
    await page().goto("/campaigns/new?release=1");
    await page().getByRole("radio", { name: /Body control 2.0.0/ }).waitFor();
    await page().getByRole("button", { name: "Next" }).click();
    await page().getByText("the release runs on them already").waitFor();
  });

  test("a campaign is paused after being asked, and the fleet page says that it needs somebody", async () => {
    await page().goto("/campaigns/new?release=1");
    await page().getByRole("radio", { name: /Body control 2.0.0/ }).waitFor();
    const next = () => page().getByRole("button", { name: "Next" }).click();
    await next();
    await page().getByLabel("Target expression").fill('region == "US"');
    await page().getByText("48 vehicles match now").waitFor();
    await next();
    await page().getByLabel("Share of wave 1 in per cent").fill("10");
    await page().getByLabel("Share of wave 2 in per cent").fill("20");
    await page().getByLabel("Gate of wave 1 in per cent").fill("100");
    await next();
    await page().getByLabel(/^Halt a bad release early/).uncheck();
    await next();
    await page().getByLabel("Name", { exact: true }).fill("Body control for America");
    await next();
    await page().getByRole("button", { name: "Create and start" }).click();
    await heading("Body control for America").waitFor();
    await page().getByRole("button", { name: /^Pause/ }).click();
    await page().getByLabel("Reason").fill("Waiting for the night shift");
    await page().getByRole("button", { name: "Pause campaign" }).click();
    await page().getByRole("listitem").filter({ hasText: "Paused (was running)" }).getByText("“Waiting for the night shift”").waitFor();
    await page().getByRole("button", { name: /^Resume/ }).click();
    await accessible(page(), "the question before a campaign goes on");
    await picture(page(), "campaign-resume");
    await page().getByRole("dialog").getByRole("button", { name: "Back" }).click();
    await page().getByText(/^If it were resumed now:/).waitFor();
    await go("Fleet");
    await page().getByText("is paused: Waiting for the night shift").waitFor();
    // Every simulated vehicle polls.
    await page().locator("dl", { hasText: "Online now" }).getByText(/^100 % of all, as of/).waitFor();
    await settled(page());
    await pictureForReadme(page(), "fleet");
    const { items } = (await api("GET", "/campaigns/2/assignments")) as { items: { vin: string; state: string }[] };
    const waits = items.find(({ state }) => ["assigned", "offered", "accepted", "downloading", "downloaded"].includes(state));
    await page().goto(`/vehicles/${waits?.vin ?? ""}`);
    await page().getByText("The campaign is paused: Waiting for the night shift.").waitFor();
    await page().getByText("Online, last heard").waitFor();
    await accessible(page(), "why a vehicle does not update");
    await picture(page(), "vehicle-why-not");
  });
}
