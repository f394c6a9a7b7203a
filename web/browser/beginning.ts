/** The first part of the story: an admin comes in, finds nothing, makes a release and a campaign. */

import { expect, test } from "vitest";
import { accessible, picture, pictureForReadme, settled, signIn } from "./look";
import { goTo, headingOf, type Scene } from "./scene";
import { server } from "./stage";

const FIRST_LOAD_BYTES = 250_000;

/** The tests, in their order, for the story to take in. */
export function beginning(scene: Scene): void {
  const { page } = scene;
  const heading = (name: string | RegExp) => headingOf(page(), name);
  const go = (name: string) => goTo(page(), name);

  test("a wrong token is refused, the right one is kept where no script can read it", async () => {
    const answer = await page().goto("/");
    const policy = answer?.headers()["content-security-policy"] ?? "";
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toContain("script-src 'unsafe-inline'");
    await heading("Sign in").waitFor();
    await accessible(page(), "sign-in");
    await signIn(page(), "otaru_wrong");
    await page().getByText("Otaru does not know this token").waitFor();
    await signIn(page());
    await heading("Fleet").waitFor();
    await settled(page());
    const readable = await page().evaluate(() => document.cookie + JSON.stringify([localStorage, sessionStorage]));
    expect(readable).not.toContain(server.token);
    const [cookie] = await page().context().cookies(`${server.url}/api/v1`);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/api" });
  });

  test("the first load is small, and charts are not part of it", async () => {
    await page().reload();
    await settled(page());
    const loaded = await page().evaluate(() =>
      performance
        .getEntriesByType("resource")
        .filter((entry) => new URL(entry.name).pathname.startsWith("/assets/"))
        .map((entry) => ({ name: entry.name, bytes: (entry as PerformanceResourceTiming).encodedBodySize })),
    );
    const bytes = loaded.reduce((sum, one) => sum + one.bytes, 0);
    expect(loaded.length).toBeGreaterThan(3);
    expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
    expect(loaded.filter(({ name }) => /Chart|Plot/.test(name))).toEqual([]);
    process.stdout.write(`first load: ${Math.round(bytes / 1000)} kB compressed in ${loaded.length} files\n`);
  });

  test("an empty installation says so, page by page", async () => {
    await page().getByText("Nothing is being rolled out").waitFor();
    await picture(page(), "empty-fleet");
    for (const [link, words] of [
      ["Campaigns", "No campaigns yet"],
      ["Releases", "No releases yet"],
      ["Groups", "No groups yet"],
      ["Dead letters", "Every message of every vehicle was applied."],
      ["RXSWINs", "No RXSWINs yet"],
    ] as const) {
      await go(link);
      await page().getByText(words).waitFor();
      await accessible(page(), `empty ${link}`);
      await picture(page(), `empty-${link.toLowerCase().replace(" ", "-")}`);
    }
  });

  test("a release is made of an uploaded file, and locked", async () => {
    await go("Releases");
    await page().getByRole("link", { name: "New release" }).click();
    await page().getByLabel("Name", { exact: true }).fill("Body control");
    await page().getByLabel("Version", { exact: true }).fill("2.0.0");
    await page().getByLabel("Harbour 2025").check();
    await page().getByLabel("Canal 2024").check();
    const buffer = Buffer.from("firmware ".repeat(2000));
    await page().getByLabel("File for BCM").setInputFiles({ name: "bcm-2.0.0.bin", mimeType: "application/octet-stream", buffer });
    await page().getByText("Uploaded, 18 kB").waitFor();
    await page().getByRole("button", { name: "Create draft" }).click();
    await heading("Body control 2.0.0").waitFor();
    await page().getByRole("button", { name: "Lock" }).click();
    await page().getByRole("button", { name: "Lock release" }).click();
    await page().getByRole("link", { name: "Roll out" }).waitFor();
  });

  test("the wizard shows where an expression is wrong, whom it selects, and what each wave puts at stake", async () => {
    await page().getByRole("link", { name: "Roll out" }).click();
    await heading("New campaign").waitFor();
    await page().getByRole("radio", { name: /Body control 2.0.0/ }).waitFor();
    await page().getByRole("button", { name: "Next" }).click();
    const expression = page().getByLabel("Target expression");
    await expression.fill('model_year >= 2024 && regoin == "EU"');
    await page().getByText("Line 1, column 23:").waitFor();
    await expect.poll(() => page().getByRole("button", { name: "Next" }).isDisabled()).toBe(true);
    await picture(page(), "wizard-wrong-expression");
    await expression.fill("reg");
    await page().getByRole("option", { name: "region" }).waitFor();
    await page().keyboard.press("Enter");
    await page().keyboard.type(' in ["EU", "UK"]');
    await page().getByText("96 vehicles match now").waitFor();
    await accessible(page(), "wizard");
    await picture(page(), "wizard-target");
    await pictureForReadme(page(), "wizard");
    await page().getByRole("button", { name: "Next" }).click();
    await page().getByLabel("Share of wave 1 in per cent").fill("10");
    await page().getByText(/The shares sum to 105/).waitFor();
    await page().getByLabel("Share of wave 2 in per cent").fill("20");
    await page().getByLabel("Gate of wave 1 in per cent").fill("40");
    await page().getByLabel("Gate of wave 2 in per cent").fill("40");
    await picture(page(), "wizard-waves");
    await page().getByRole("button", { name: "Next" }).click();
    // A fleet that fails as often as this one would halt it.
    await page().getByLabel(/^Halt a bad release early/).uncheck();
    await page().getByRole("button", { name: "Next" }).click();
    await page().getByLabel("Name", { exact: true }).fill("Body control for Europe");
    await picture(page(), "wizard-schedule");
    await page().getByRole("button", { name: "Next" }).click();
    await page().getByRole("row", { name: /^2 .*when 40 % of wave 1 have installed/ }).waitFor();
    await accessible(page(), "wizard review");
    await picture(page(), "wizard-review");
    await page().getByRole("button", { name: "Create and rehearse" }).click();
    await heading("Body control for Europe").waitFor();
  });

  test("a draft is rehearsed without any history, which is said, and started from there", async () => {
    await page().getByText("Assumed, for no campaign of its models has completed yet").waitFor();
    await page().getByText(/80 % likely to end between|Likely to end only at its deadline/).first().waitFor();
    await page().getByRole("img", { name: /^Requests to gateways\. At most/ }).waitFor();
    await settled(page());
    await accessible(page(), "a rehearsal without history");
    await picture(page(), "rehearsal-assumed");
    await page().getByRole("button", { name: /^Start/ }).click();
    await page().getByText("Wave 1 opens for 10 % of them").waitFor();
    await page().getByRole("button", { name: "Start campaign" }).click();
    await page().getByText("It has started").waitFor();
    await page().getByRole("link", { name: "Overview" }).click();
  });
}
