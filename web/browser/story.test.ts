/** A day of an admin, in Debian's Chromium against the real server, with a fleet that answers. */

import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { accessible, fits, open, picture, pictureForReadme, settled, signIn, VIEWS } from "./look";
import { membership } from "./membership";
import { oversight } from "./oversight";
import { api, sendStray, server, setStage, type Stage } from "./stage";

const FIRST_LOAD_BYTES = 250_000;
/** Far more than the fleet needs. */
const ROLLOUT_MS = 100_000;
const RXSWIN = "R11 2025-04";
const [FIRST_VIEW] = VIEWS;

let browser: Browser;
let stage: Stage;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  const executablePath = process.env.OTARU_CHROMIUM ?? "/usr/bin/chromium";
  // Chromium's own sandbox needs rights that a container does not give; it only sees our own server.
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  stage = await setStage();
  page = await open(browser, FIRST_VIEW);
  page.on("pageerror", (error) => complaints.push(error.message));
});

afterAll(async () => {
  await browser.close();
  stage.stop();
});

const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name });
const go = (name: string) => page.getByRole("navigation").getByRole("link", { name }).click();

test("a wrong token is refused, the right one is kept where no script can read it", async () => {
  const answer = await page.goto("/");
  const policy = answer?.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'self'");
  expect(policy).not.toContain("script-src 'unsafe-inline'");
  await heading("Sign in").waitFor();
  await accessible(page, "sign-in");
  await signIn(page, "otaru_wrong");
  await page.getByText("Otaru does not know this token").waitFor();
  await signIn(page);
  await heading("Fleet").waitFor();
  await settled(page);
  const readable = await page.evaluate(() => document.cookie + JSON.stringify([localStorage, sessionStorage]));
  expect(readable).not.toContain(server.token);
  const [cookie] = await page.context().cookies(`${server.url}/api/v1`);
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/api" });
});

test("the first load is small, and charts are not part of it", async () => {
  await page.reload();
  await settled(page);
  const loaded = await page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter((entry) => new URL(entry.name).pathname.startsWith("/assets/"))
      .map((entry) => ({ name: entry.name, bytes: (entry as PerformanceResourceTiming).encodedBodySize })),
  );
  const bytes = loaded.reduce((sum, one) => sum + one.bytes, 0);
  expect(loaded.length).toBeGreaterThan(3);
  expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
  expect(loaded.some(({ name }) => name.includes("BurnUpChart"))).toBe(false);
  process.stdout.write(`first load: ${Math.round(bytes / 1000)} kB compressed in ${loaded.length} files\n`);
});

test("an empty installation says so, page by page", async () => {
  await page.getByText("Nothing is being rolled out").waitFor();
  await picture(page, "empty-fleet");
  for (const [link, words] of [
    ["Campaigns", "No campaigns yet"],
    ["Releases", "No releases yet"],
    ["Dead letters", "Every message of every vehicle was applied."],
  ] as const) {
    await go(link);
    await page.getByText(words).waitFor();
    await accessible(page, `empty ${link}`);
    await picture(page, `empty-${link.toLowerCase().replace(" ", "-")}`);
  }
});

test("a release is made of an uploaded file, and locked", async () => {
  await go("Releases");
  await page.getByRole("link", { name: "New release" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Body control");
  await page.getByLabel("Version", { exact: true }).fill("2.0.0");
  await page.getByLabel("Harbour 2025").check();
  await page.getByLabel("Canal 2024").check();
  const buffer = Buffer.from("firmware ".repeat(2000));
  await page.getByLabel("File for BCM").setInputFiles({ name: "bcm-2.0.0.bin", mimeType: "application/octet-stream", buffer });
  await page.getByText("Uploaded, 18 kB").waitFor();
  await page.getByRole("button", { name: "Create draft" }).click();
  await heading("Body control 2.0.0").waitFor();
  await page.getByRole("button", { name: "Lock" }).click();
  await page.getByRole("button", { name: "Lock release" }).click();
  await page.getByRole("link", { name: "Roll out" }).waitFor();
});

test("the wizard shows where an expression is wrong, whom it selects, and what each wave puts at stake", async () => {
  await page.getByRole("link", { name: "Roll out" }).click();
  await heading("New campaign").waitFor();
  await page.getByRole("radio", { name: /Body control 2.0.0/ }).waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  const expression = page.getByLabel("Target expression");
  await expression.fill('model_year >= 2024 && regoin == "EU"');
  await page.getByText("Line 1, column 23:").waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Next" }).isDisabled()).toBe(true);
  await picture(page, "wizard-wrong-expression");
  await expression.fill("reg");
  await page.getByRole("option", { name: "region" }).waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.type(' in ["EU", "UK"]');
  await page.getByText("96 vehicles match now").waitFor();
  await accessible(page, "wizard");
  await picture(page, "wizard-target");
  await pictureForReadme(page, "wizard");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByLabel("Share of wave 1 in per cent").fill("10");
  await page.getByText(/The shares sum to 105/).waitFor();
  await page.getByLabel("Share of wave 2 in per cent").fill("20");
  await page.getByLabel("Gate of wave 1 in per cent").fill("40");
  await page.getByLabel("Gate of wave 2 in per cent").fill("40");
  await picture(page, "wizard-waves");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Body control for Europe");
  await picture(page, "wizard-schedule");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByRole("row", { name: /^2 .*when 40 % of wave 1 have installed/ }).waitFor();
  await accessible(page, "wizard review");
  await picture(page, "wizard-review");
  await page.getByRole("button", { name: "Create and start" }).click();
  await heading("Body control for Europe").waitFor();
});

test("waves open by themselves, and the page follows until the campaign has ended", async () => {
  const wave = (number: number) => page.getByRole("row", { name: new RegExp(`^${number} `) });
  await wave(2).getByText(/Open|Gate holds|Finished/).waitFor({ timeout: ROLLOUT_MS });
  await picture(page, "campaign-running");
  await wave(3).getByText("Finished").waitFor({ timeout: ROLLOUT_MS });
  await page.getByText("Completed (was running)").waitFor();
  const { counters } = (await api("GET", "/campaigns/1")) as { counters: Record<string, number> };
  expect(Object.values(counters).reduce((sum, count) => sum + count, 0)).toBe(96);
  await page.getByText(`${counters.installed ?? 0}`, { exact: true }).first().waitFor();
  await settled(page);
  await pictureForReadme(page, "campaign");
});

test("what failed together is one line, which leads to its vehicles and to one of them", async () => {
  const cluster = page.locator("details", { hasText: "flash_write_error" });
  await cluster.locator("summary").click();
  await cluster.getByText(/flash: write of block/).waitFor();
  await cluster.getByRole("row", { name: /BCM 1\.[01]\.0/ }).first().waitFor();
  await picture(page, "campaign-failures");
  await accessible(page, "campaign with a cluster open");
  await cluster.getByRole("link", { name: "Show these vehicles" }).click();
  await expect.poll(() => page.url()).toContain("error_code=flash_write_error");
  const { items } = (await api("GET", "/campaigns/1/assignments?state=failed&error_code=flash_write_error")) as {
    items: { vin: string }[];
  };
  const table = page.getByRole("table", { name: "Vehicles" });
  await expect.poll(() => table.getByRole("link").count()).toBe(items.length);
  await table.getByRole("link").first().click();
  await heading(items[0]?.vin ?? "").waitFor();
  await page.getByRole("img", { name: /Steps in Body control for Europe.*Failed/ }).waitFor();
  await page.getByText("flash: aborted").waitFor();
});

test("a vehicle's software is shown as of a time", async () => {
  const { items } = (await api("GET", "/campaigns/1/assignments?state=installed&limit=1")) as { items: { vin: string; assigned_at: string }[] };
  const { vin = "", assigned_at: assigned = "" } = items[0] ?? {};
  await page.goto(`/vehicles/${vin}`);
  await page.getByRole("row", { name: /BCM 2\.0\.0/ }).waitFor();
  await page.goto(`/vehicles/${vin}?at=${encodeURIComponent(assigned)}`);
  await page.getByRole("row", { name: /BCM 1\.[01]\.0/ }).waitFor();
  await page.getByRole("button", { name: "Now" }).click();
  await page.getByRole("row", { name: /BCM 2\.0\.0/ }).waitFor();
});

test("who runs the release already is left out of the next campaign, and the wizard says so", async () => {
  await page.goto("/campaigns/new?release=1");
  await page.getByRole("radio", { name: /Body control 2.0.0/ }).waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("the release runs on them already").waitFor();
});

test("a campaign is paused after being asked, and the fleet page says that it needs somebody", async () => {
  const draft = {
    name: "Body control for America",
    release: 1,
    target: 'region == "US"',
    waves: [{ share_ratio: 0.1, gate_installed_ratio: 1 }, { share_ratio: 0.9, gate_installed_ratio: 0 }],
    deadline: new Date(Date.now() + 86_400_000).toISOString(),
  };
  await api("POST", "/campaigns", draft);
  await api("POST", "/campaigns", { ...draft, name: "Body control for everybody", target: "true" });
  await go("Campaigns");
  await page.getByRole("link", { name: "Body control for America" }).click();
  await page.getByRole("button", { name: /^Start/ }).click();
  await page.getByText("Wave 1 opens for 10 % of them").waitFor();
  await page.getByRole("button", { name: "Start campaign" }).click();
  await page.getByRole("button", { name: /^Pause/ }).click();
  await page.getByLabel("Reason").fill("Waiting for the night shift");
  await page.getByRole("button", { name: "Pause campaign" }).click();
  await page.getByText("“Waiting for the night shift”").waitFor();
  await page.getByRole("button", { name: /^Resume/ }).click();
  await accessible(page, "the question before a campaign goes on");
  await picture(page, "campaign-resume");
  await page.getByRole("dialog").getByRole("button", { name: "Back" }).click();
  await go("Fleet");
  await page.getByText("is paused").waitFor();
  const { items } = (await api("GET", "/campaigns/2/assignments")) as { items: { vin: string; state: string }[] };
  const waits = items.find(({ state }) => ["assigned", "offered", "accepted", "downloading", "downloaded"].includes(state));
  await page.goto(`/vehicles/${waits?.vin ?? ""}`);
  await page.getByText("The campaign is paused: Waiting for the night shift.").waitFor();
  await accessible(page, "why a vehicle does not update");
  await picture(page, "vehicle-why-not");
  await settled(page);
  await pictureForReadme(page, "fleet");
});

test("a dead letter is read, mended and sent again", async () => {
  const [vehicle] = stage.vehicles;
  if (vehicle === undefined) throw new Error("there is no vehicle");
  await sendStray(vehicle, 4242);
  await go("Dead letters");
  await page.getByRole("button", { name: /Look at it/ }).click({ timeout: 30_000 });
  await accessible(page, "dead letter");
  await picture(page, "dead-letter");
  const message = page.getByLabel("Message");
  const value = await message.inputValue();
  await message.fill("no JSON");
  await page.getByRole("button", { name: "Send mended" }).click();
  await page.getByText("its reader could not parse it", { exact: false }).waitFor();
  await message.fill(value.replace("4242", "1"));
  await page.getByRole("button", { name: "Send mended" }).click();
  await expect.poll(() => page.getByRole("cell", { name: /ago|just now/ }).count()).toBe(2);
});

test("a token is issued once; what its role may not do is not offered and refused all the same", async () => {
  await go("Access");
  await page.getByRole("button", { name: "New token" }).click();
  await page.getByLabel("Name").fill("night shift");
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  const secret = await page.getByRole("dialog").locator("code").innerText();
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
  const guest = await open(browser, FIRST_VIEW);
  await guest.goto("/");
  await signIn(guest, secret);
  await guest.getByRole("heading", { level: 1, name: "Fleet" }).waitFor();
  expect(await guest.getByRole("link", { name: "New campaign" }).count()).toBe(0);
  expect(await guest.getByRole("link", { name: "Access" }).count()).toBe(0);
  const status = await guest.evaluate(async () => {
    const answer = await fetch("/api/v1/campaigns/2/resume", { method: "POST" });
    return answer.status;
  });
  expect(status).toBe(403);
  await page.getByRole("button", { name: "Revoke night shift" }).click();
  await page.getByRole("button", { name: "Revoke token" }).click();
  await page.getByText("Revoked").waitFor();
  // A page that the guest has not seen yet asks the server.
  await guest.getByRole("link", { name: "Releases" }).click();
  await guest.getByText("You were signed out").waitFor();
  await guest.context().close();
});

oversight({ browser: () => browser, page: () => page });
membership(() => page);

test.each(VIEWS)("every page can be read and used: $name", async (view) => {
  const german = view.name === "dark-narrow";
  const other = await open(browser, view, german ? "de-DE" : "en-GB");
  other.on("pageerror", (error) => complaints.push(error.message));
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
    "campaign-halted": "/campaigns/2",
    "campaign-review": "/campaigns/4/review",
    "campaign-excluded": "/campaigns/5/excluded",
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
    "dead-letters": "/dead-letters",
    rxswins: "/rxswins",
    rxswin: `/rxswins/${encodeURIComponent(RXSWIN)}`,
    audit: "/audit",
    access: "/access",
    "not-found": "/nowhere",
    "no-campaign": "/campaigns/999",
  };
  for (const [name, path] of Object.entries(pages)) {
    await other.goto(path);
    await settled(other);
    await picture(other, `${name}-${view.name}`);
    await fits(other, `${name} ${view.name}`);
    await accessible(other, `${name} ${view.name}`);
  }
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
  await page.getByRole("button", { name: "Language: Deutsch" }).click();
  await page.getByRole("button", { name: "Neues Token" }).waitFor();
  await page.reload();
  await heading("Zugang").waitFor();
  expect(await page.evaluate(() => document.documentElement.lang)).toBe("de");
  await page.getByRole("button", { name: "Sprache: English" }).click();
  await heading("Access").waitFor();
});

test("whoever signs out is out", async () => {
  await page.getByRole("button", { name: "Sign out" }).click();
  await heading("Sign in").waitFor();
  expect(await page.context().cookies(`${server.url}/api/v1`)).toEqual([]);
  await page.goto("/campaigns/1");
  await heading("Sign in").waitFor();
  await signIn(page);
  await heading("Body control for Europe").waitFor();
});

test("without a server the page says since when it is old, and others say what is wrong", async () => {
  await settled(page);
  process.kill(server.pid, "SIGTERM");
  await page.getByRole("status").filter({ hasText: /Stale since/ }).waitFor({ timeout: 60_000 });
  await picture(page, "broken-stale");
  await go("Dead letters");
  await page.getByText("Otaru does not answer").waitFor();
  await accessible(page, "without a server");
  await picture(page, "broken-page");
  expect(complaints).toEqual([]);
});
