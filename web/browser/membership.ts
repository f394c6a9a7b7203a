/** The part of the story about who is in a campaign: groups, requirements, who is left out and why, the way back. */

import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { accessible, picture } from "./look";
import { api } from "./stage";

const ROLLOUT_MS = 60_000;

/** Vehicles of the model that the release below is for, by how they came out of the first campaign. */
async function harbour(state: string): Promise<string[]> {
  const { items } = (await api("GET", `/campaigns/1/assignments?state=${state}&limit=200`)) as { items: { vin: string }[] };
  return items.map(({ vin }) => vin).filter((vin) => vin.startsWith("XZZDEMZ0"));
}

/** The tests, in their order, for the story to take in. */
export function membership(page: () => Page): void {
  const button = (name: string | RegExp) => page().getByRole("button", { name });
  const confirm = (name: string) => page().getByRole("dialog").getByRole("button", { name });
  const heading = (name: string) => page().getByRole("heading", { level: 1, name });
  let updated: string[] = [];
  let old = "";

  test("an image requires versions, and what is no range is told at its field", async () => {
    await page().goto("/releases/new");
    await page().getByLabel("Name", { exact: true }).fill("Telematics");
    await page().getByLabel("Version", { exact: true }).fill("5.0");
    await page().getByLabel("Harbour 2025").check();
    const file = { name: "tcu-5.0.bin", mimeType: "application/octet-stream", buffer: Buffer.from("telematics ".repeat(900)) };
    await page().getByLabel("File for TCU").setInputFiles(file);
    await button("Add what TCU requires").click();
    await page().getByLabel("ECU of requirement 1 of TCU").selectOption("BCM");
    const versions = page().getByLabel("Versions of requirement 1 of TCU");
    await versions.fill("two");
    await button("Create draft").click();
    await page().getByText(/"two" is no bound/).waitFor();
    await accessible(page(), "a requirement that is refused");
    await picture(page(), "release-requirement");
    await versions.fill(">=2.0.0");
    await button("Create draft").click();
    await heading("Telematics 5.0").waitFor();
    await page().getByRole("row", { name: /^TCU 5\.0 .*BCM >=2\.0\.0/ }).waitFor();
    await button("Lock").click();
    await button("Lock release").click();
    await page().getByRole("link", { name: "Roll out" }).waitFor();
  });

  test("a list takes all of the VINs that are pasted or none, and names the wrong one", async () => {
    updated = (await harbour("installed")).slice(0, 3);
    [old = ""] = await harbour("failed");
    await page().goto("/vehicles");
    await page().getByRole("main").getByRole("link", { name: "Groups" }).click();
    await page().getByText("No groups yet").waitFor();
    await accessible(page(), "no groups");
    await button("New group").click();
    await page().getByLabel("Name", { exact: true }).fill("Winter testers");
    expect(await page().getByLabel("Id", { exact: true }).inputValue()).toBe("winter-testers");
    await accessible(page(), "a new group");
    await confirm("Create").click();
    await heading("Winter testers").waitFor();
    const pasted = page().getByLabel("VINs");
    await pasted.fill([...updated, "XZZDEMZ0099999999"].join("\n"));
    await button("Add 4 vehicles").click();
    await page().getByText("Number 4, XZZDEMZ0099999999:").waitFor();
    await accessible(page(), "a VIN that is no vehicle's");
    await picture(page(), "group-wrong-vin");
    await page().getByText("No vehicle is on it yet.").waitFor();
    await pasted.fill([...updated, old].join(", ").toLowerCase());
    await button("Add 4 vehicles").click();
    await page().getByText("4 vehicles added.").waitFor();
    await button(`Take ${updated[2] ?? ""} off the list`).click();
    await expect.poll(() => page().getByRole("table").getByRole("link").count()).toBe(3);
    await button("Change").click();
    await expect.poll(() => confirm("Change group").isDisabled()).toBe(true);
    await page().getByLabel("Name", { exact: true }).fill("Winter testers, Norway");
    await confirm("Change group").click();
    await heading("Winter testers, Norway").waitFor();
  });

  test("a group by an expression says where it is wrong, and is deleted after being asked", async () => {
    await page().getByRole("main").getByRole("link", { name: "Groups" }).click();
    await button("New group").click();
    await page().getByLabel("Name", { exact: true }).fill("Beta in Europe");
    await page().getByLabel("Kind").selectOption("dynamic");
    const expression = page().getByLabel("Expression", { exact: true });
    await expression.fill('"beta" in tags && regoin == "EU"');
    await confirm("Create").click();
    await page().getByText("Line 1, column 19:").waitFor();
    await accessible(page(), "a group with a wrong expression");
    await picture(page(), "group-wrong-expression");
    await expression.fill('"beta" in tags && region == "EU"');
    await confirm("Create").click();
    await heading("Beta in Europe").waitFor();
    await page().getByText('"beta-in-europe" in groups').waitFor();
    await button("Delete").click();
    await confirm("Delete group").click();
    await heading("Groups").waitFor();
    await page().getByRole("link", { name: "Winter testers, Norway" }).waitFor();
    await expect.poll(() => page().getByRole("link", { name: "Beta in Europe" }).count()).toBe(0);
  });

  test("a vehicle's holder wants no updates over the air, which is asked and then shown", async () => {
    await page().goto(`/vehicles/${updated[1] ?? ""}`);
    const wants = page().getByRole("switch", { name: "Wants no updates over the air" });
    // By the keyboard: while the page still loads, a click would land where the switch was.
    await wants.press(" ");
    await accessible(page(), "the question before a vehicle opts out");
    await picture(page(), "vehicle-opt-out");
    await confirm("No more updates").click();
    await page().getByText("Wants no updates", { exact: true }).waitFor();
    await expect.poll(() => wants.isChecked()).toBe(true);
  });

  test("the wizard tells who is left out and why, and others may join until the deadline", async () => {
    await page().goto("/releases");
    await page().getByRole("link", { name: "Telematics 5.0" }).click();
    await page().getByRole("link", { name: "Roll out" }).click();
    await page().getByRole("radio", { name: /Telematics 5\.0/ }).waitFor();
    await button("Next").click();
    await page().getByLabel("Target expression").fill('"winter-testers" in groups');
    await page().getByText("opted out of updates over the air").waitFor();
    await page().getByText("BCM must run >=2.0.0").waitFor();
    await page().getByLabel("Vehicles that come to match later join").check();
    // What was asked before is shown paler until the answer is there.
    await page().locator('[data-stale="false"]').getByText("1 vehicle matches now").waitFor();
    await accessible(page(), "the wizard with vehicles that are left out");
    await picture(page(), "wizard-left-out");
    await button("Next").click();
    await button("All at once").click();
    await button("Next").click();
    await button("Next").click();
    await page().getByLabel("Name", { exact: true }).fill("Telematics for winter testers");
    await button("Next").click();
    await page().getByText("whoever comes to match until the deadline").waitFor();
    await button("Create and start").click();
    await heading("Telematics for winter testers").waitFor();
    await page().getByText(/others may join until/).waitFor({ timeout: ROLLOUT_MS });
    await page().getByRole("definition").filter({ hasText: "whoever comes to match until the deadline" }).waitFor();
    await picture(page(), "campaign-continuous");
  });

  test("a campaign lists whom it left out, by the reason that is in the URL", async () => {
    const optedOut = page().getByRole("listitem").filter({ hasText: "opted out of updates over the air" });
    await optedOut.getByRole("link", { name: "1 vehicle" }).click();
    await expect.poll(() => page().url()).toContain("/excluded?reason=opted_out");
    const table = page().getByRole("table");
    await table.getByRole("row", { name: `${updated[1] ?? ""} opted out` }).waitFor();
    expect(await table.getByRole("link").count()).toBe(1);
    await page().getByLabel("Why").selectOption({ label: "Any reason: 2 vehicles" });
    await table.getByRole("row", { name: `${old} BCM must run >=2.0.0` }).waitFor();
    await accessible(page(), "who was left out");
    await picture(page(), "campaign-left-out");
    await table.getByRole("link", { name: old }).click();
    await heading(old).waitFor();
  });

  test("the steps to a release are shown and prepared as drafts", async () => {
    await page().goto("/campaigns/5");
    const panel = page().getByRole("region", { name: "Vehicles that are not ready for it" });
    await panel.getByRole("row", { name: /BCM must run >=2\.0\.0 .*Body control 2\.0\.0.*Telematics 5\.0/ }).waitFor();
    await panel.getByRole("button", { name: "Prepare the steps" }).click();
    await accessible(page(), "the question before steps are prepared");
    await picture(page(), "steps-ask");
    await confirm("Prepare drafts").click();
    await panel.getByRole("list", { name: "Prepared" }).getByRole("link").first().waitFor();
    await picture(page(), "steps-prepared");
  });

  test("the way back is prepared for what has an image, and what has none is named", async () => {
    const { sha256 } = await api("POST", "/artifacts?file_name=bcm-1.1.0.bin", "firmware of before", { type: "application/octet-stream" });
    const models = ["harbour-2025", "canal-2024"];
    const before = { name: "Body control", version: "1.1.0", models, images: [{ hardware_id: "BCM", sha256, version: "1.1.0" }] };
    const { id } = await api("POST", "/releases", before);
    await api("POST", `/releases/${Number(id)}/lock`, {});
    await page().goto("/campaigns/1");
    await button("Prepare the way back").click();
    await accessible(page(), "the question before a way back");
    await picture(page(), "way-back-ask");
    await button("Prepare drafts").click();
    await page().getByText(/No way back for .*: no locked release has BCM 1\.0\.0/).waitFor();
    await picture(page(), "way-back");
    await page().reload();
    await page().getByRole("main").getByRole("link", { name: /^Campaign \d+$/ }).click();
    await heading("Back to BCM 1.1.0").waitFor();
    await page().goto("/access");
  });
}
