/** The part of the story about what is to come and what was learnt: rehearsals, forecasts, failures by what vehicles wrote. */

import { expect, test } from "vitest";
import { accessible, picture, settled } from "./look";
import { headingOf, type Scene } from "./scene";
import { api } from "./stage";

interface Kept {
  items: { covered: boolean | null }[];
  covered_ratio: number;
}

/** The tests, in their order, for the story to take in. */
export function foresight(scene: Scene): void {
  const { page } = scene;
  const panel = (name: string) => page().getByRole("region", { name });

  test("failures are sorted by what the vehicles wrote, and lead to one of them", async () => {
    const { items } = (await api("GET", "/campaigns/1/triage")) as { items: { template: string; sample_vin: string }[] };
    const varying = items.find(({ template }) => template.includes("<*>"));
    const words = varying?.template.split("<*>")[0]?.trim() ?? "";
    expect(words).not.toBe("");
    await page().goto("/campaigns/1");
    await panel("Failures").getByText(/end alike:/).waitFor();
    await panel("Failures").getByRole("link", { name: "Log" }).click();
    await expect.poll(() => page().url()).toContain("by=log");
    const group = panel("Failures").locator("details", { hasText: words });
    await group.getByText("varies").first().waitFor({ state: "attached" });
    await group.locator("summary").focus();
    await page().keyboard.press("Enter");
    await group.getByRole("row", { name: /BCM 1\.[01]\.0/ }).first().waitFor();
    await accessible(page(), "failures by log");
    await picture(page(), "campaign-failures-by-log");
    const link = group.getByRole("link").first();
    const vin = await link.innerText();
    await link.click();
    await headingOf(page(), vin).waitFor();
    await page().goBack();
    await panel("Failures").getByRole("link", { name: "Error" }).click();
    await panel("Failures").locator("details", { hasText: "flash_write_error" }).waitFor();
  });

  test("forecasts are held against the end that came", async () => {
    await page().getByRole("link", { name: "Forecasts", exact: true }).click();
    const past = (await api("GET", "/campaigns/1/forecasts")) as unknown as Kept;
    const held = past.items.filter(({ covered }) => covered).length;
    await page().getByText(`(${held} of ${past.items.length}); eight in ten should.`).waitFor();
    const rows = page().getByRole("row", { name: / (yes|no)$/ });
    await expect.poll(() => rows.count()).toBe(past.items.length);
    await settled(page());
    await accessible(page(), "forecasts");
    await picture(page(), "forecasts");
  });

  test("a draft is rehearsed as past campaigns went, and the same seed answers the same", async () => {
    const draft = {
      name: "Body control for everybody",
      release: 1,
      target: "true",
      waves: [{ share_ratio: 0.1, gate_installed_ratio: 1 }, { share_ratio: 0.9, gate_installed_ratio: 0 }],
      deadline: new Date(Date.now() + 86_400_000).toISOString(),
    };
    await api("POST", "/campaigns", draft);
    await page().goto("/campaigns/3");
    await page().getByRole("link", { name: `Rehearse ${draft.name}` }).click();
    await page().getByText(/^As 96 vehicles of 1 past campaign behaved/).waitFor();
    const exposed = panel("If the release is bad");
    await exposed.getByText("If 5 % of updates failed:").waitFor();
    const ratio = page().getByLabel("Updates that fail if it is bad, in %");
    await ratio.fill("0");
    await page().getByText("More than 0 and at most 100.").waitFor();
    await expect.poll(() => page().getByRole("button", { name: "Play it" }).isDisabled()).toBe(true);
    await ratio.fill("60");
    await page().getByLabel("Seed").fill("77");
    await page().keyboard.press("Enter");
    await exposed.getByText("If 60 % of updates failed:").waitFor();
    const played = await exposed.innerText();
    await page().reload();
    await exposed.getByText("If 60 % of updates failed:").waitFor();
    expect(await exposed.innerText()).toBe(played);
    expect(page().url()).toContain("seed=77");
    await settled(page());
    await accessible(page(), "rehearsal");
    await picture(page(), "rehearsal");
  });
}
