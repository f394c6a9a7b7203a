/** The part of the story about what is kept: a vehicle's past, releases among each other, keys, and the log as a whole. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { accessible, picture, settled } from "./look";
import { headingOf, type Scene } from "./scene";
import { api } from "./stage";

/** The tests, in their order, for the story to take in. */
export function records(scene: Scene): void {
  const { page } = scene;
  const panel = (name: string) => page().getByRole("region", { name });

  test("a vehicle's past leads to what it was then, and campaigns that have not reached it say why", async () => {
    const { items } = (await api("GET", "/campaigns/1/assignments?state=installed&limit=1")) as { items: { vin: string }[] };
    const vin = items[0]?.vin ?? "";
    await page().goto(`/vehicles/${vin}`);
    const history = panel("What its ECUs came to run");
    await history.getByRole("row", { name: /BCM 2\.0\.0 ?before 1\.[01]\.0/ }).waitFor();
    await accessible(page(), "a vehicle with its past");
    await picture(page(), "vehicle-history");
    await history.getByRole("row", { name: /BCM 1\.[01]\.0/ }).last().getByRole("link").click();
    await expect.poll(() => page().url()).toContain("at=");
    await panel("Software").getByRole("row", { name: /BCM 1\.[01]\.0/ }).waitFor();
    const { items: others } = (await api("GET", "/vehicles?model=harbour-2025&region=US&limit=1")) as { items: { vin: string }[] };
    await page().goto(`/vehicles/${others[0]?.vin ?? ""}`);
    const why = panel("Other campaigns for its model").getByRole("listitem").filter({ hasText: "Body control 2.1.0 rollout" });
    await why.getByText(/^Why not now:/).waitFor();
    await picture(page(), "vehicle-other-campaigns");
  });

  test("a release shows which come before and after it, where it runs, and who rolls it out", async () => {
    await page().goto("/releases");
    await page().getByRole("link", { name: "Telematics 5.0" }).click();
    const graph = panel("Dependencies");
    await graph.getByText("BCM >=2.0.0").first().waitFor();
    await graph.getByRole("link", { name: "Body control 2.0.0" }).click();
    await headingOf(page(), "Body control 2.0.0").waitFor();
    await graph.getByRole("link", { name: "Telematics 5.0" }).waitFor();
    await panel("Campaigns that roll it out").getByRole("link", { name: "Body control for Europe" }).waitFor();
    const { items } = (await api("GET", "/fleet/versions?model=canal-2024")) as { items: { hardware_id: string; versions: { version: string; vehicles: number }[] }[] };
    const runs = items.find((one) => one.hardware_id === "BCM")?.versions.find((one) => one.version === "2.0.0")?.vehicles ?? 0;
    await panel("Where it runs").getByRole("row", { name: new RegExp(`^canal-2024 ${runs}\\b`) }).waitFor();
    await settled(page());
    await accessible(page(), "a release with its dependencies");
    await picture(page(), "release-graph");
  });

  test("the ECUs of a release are put in the order in which they are installed", async () => {
    await page().goto("/releases/new");
    await page().getByLabel("Name", { exact: true }).fill("Both in order");
    await page().getByLabel("Version", { exact: true }).fill("1");
    await page().getByLabel("Canal 2024").check();
    for (const ecu of ["BCM", "TCU"]) {
      const file = { name: `${ecu}.bin`, mimeType: "application/octet-stream", buffer: Buffer.from(`${ecu} `.repeat(300)) };
      await page().getByLabel(`File for ${ecu}`).setInputFiles(file);
    }
    await expect.poll(() => page().getByText(/^Uploaded,/).count()).toBe(2);
    await page().getByLabel(/^One ECU after the other/).check();
    await page().getByRole("button", { name: "TCU earlier" }).click();
    await accessible(page(), "a release in order");
    await picture(page(), "release-ordered");
    await page().getByRole("button", { name: "Create draft" }).click();
    await page().getByText("one ECU after the other: TCU, BCM").waitFor();
  });

  test("a model's next key waits for a root, which is drafted here to be signed elsewhere", async () => {
    await page().goto("/models");
    await page().getByRole("link", { name: "Harbour 2025" }).click();
    await panel("What expires").getByRole("row", { name: /^timestamp\.json .*by the service/ }).waitFor();
    await page().getByRole("button", { name: "Make the next key" }).click();
    await page().getByLabel("Role").selectOption("snapshot");
    await accessible(page(), "the question before a key is made");
    await picture(page(), "model-next-key");
    await page().getByRole("button", { name: "Make the key" }).click();
    await panel("Signing keys").getByRole("row", { name: /^snapshot Follows/ }).waitFor();
    const [download] = await Promise.all([page().waitForEvent("download"), page().getByRole("link", { name: "Download the draft of the root" }).click()]);
    const draft = JSON.parse(readFileSync(await download.path(), "utf8")) as Record<string, unknown>;
    expect(draft).toBeTruthy();
    const wrong = { name: "root.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify({ signed: draft, signatures: [] })) };
    await page().locator('input[type="file"]').first().setInputFiles(wrong);
    await page().getByText("It was not taken in").waitFor();
    await page().getByRole("button", { name: "Set a cap on the bandwidth of Harbour 2025" }).click();
    await page().getByLabel("MB per second").fill("200");
    await page().getByText("An image of 100 MB reaches at most 7,200 vehicles an hour.").waitFor();
    await accessible(page(), "the question before a cap");
    await picture(page(), "model-cap");
    await page().getByRole("button", { name: "Set the cap" }).click();
    await page().getByText("at most 200 MB a second, over all gateways").waitFor();
    await accessible(page(), "a model");
    await picture(page(), "model-keys");
    await page().getByRole("button", { name: "Remove the cap on the bandwidth of Harbour 2025" }).click();
    await page().getByRole("button", { name: "Remove the cap", exact: true }).click();
    await page().getByText("no cap", { exact: true }).waitFor();
  });

  test("the log's chain is walked, an anchor that does not fit is told, and all of it is exported", async () => {
    await page().goto("/audit");
    await page().getByRole("button", { name: "Verify the chain" }).click();
    await page().getByText(/^It holds: [\d,]+ entries/).waitFor();
    await page().getByLabel(/^An anchor that was kept elsewhere/).fill(`1:${"0".repeat(64)}`);
    await page().getByRole("button", { name: "Verify the chain" }).click();
    await page().getByText("It does not hold from entry 1 on").waitFor();
    await accessible(page(), "a chain that does not hold");
    await picture(page(), "audit-chain");
    await page().goto("/audit?action=campaign_approved");
    const [download] = await Promise.all([page().waitForEvent("download"), page().getByRole("link", { name: "Export" }).click()]);
    const lines = readFileSync(await download.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line) as { action: string });
    expect(lines.length).toBeGreaterThan(0);
    expect(new Set(lines.map(({ action }) => action))).toEqual(new Set(["campaign_approved"]));
    await page().goto("/access");
  });
}
