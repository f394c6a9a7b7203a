/** The part of the story in which people watch over each other: reviews, the emergency stop, the log, evidence. */

import type { Page } from "playwright-core";
import { afterAll, expect, test } from "vitest";
import { accessible, picture, settled } from "./look";
import { person, type Person } from "./people";
import type { Scene } from "./scene";
import { api } from "./stage";

const ROLLOUT_MS = 60_000;

/** The tests, in their order, for the story to take in. */
export function oversight({ browser, page }: Scene): void {
  let ada: Person;
  let bob: Person;
  const button = (of: Page, name: string | RegExp) => of.getByRole("button", { name });
  const confirm = (of: Page, name: string) => of.getByRole("dialog").getByRole("button", { name });

  afterAll(async () => {
    const came = [ada, bob] as (Person | undefined)[];
    for (const one of came) await one?.page.context().close();
  });

  test("an admin asks for reviews, and a draft is submitted instead of started", async () => {
    await page().goto("/models");
    await page().getByRole("switch", { name: "Campaigns for Canal 2024 need a review" }).press(" ");
    await page().getByText("needed", { exact: true }).waitFor();
    ada = await person(browser(), "ada", "engineer");
    bob = await person(browser(), "bob", "approver");
    const draft = {
      name: "Body control, reviewed",
      release: 1,
      target: 'region == "US"',
      priority: 5,
      waves: [{ share_ratio: 0.5, gate: { approval: true } }, { share_ratio: 0.5 }],
      deadline: new Date(Date.now() + 86_400_000).toISOString(),
    };
    await api("POST", "/campaigns", draft, { token: ada.token });
    await ada.page.goto("/campaigns/4");
    await ada.page.getByText("Waits to be submitted for review.").waitFor();
    await button(ada.page, /^Submit for review/).click();
    expect(await button(ada.page, /^Start/).count()).toBe(0);
    await confirm(ada.page, "Submit for review").click();
    await ada.page.getByText("Waits for its review.").waitFor();
  });

  test("an approver rejects it with a reason, which its author reads", async () => {
    await bob.page.getByRole("link", { name: "Body control, reviewed" }).first().click();
    await button(bob.page, /^Reject/).click();
    await expect.poll(() => confirm(bob.page, "Reject campaign").isDisabled()).toBe(true);
    await bob.page.getByLabel("Reason").fill("Name it after the fix");
    await confirm(bob.page, "Reject campaign").click();
    await ada.page.getByRole("link", { name: "Review", exact: true }).click();
    await ada.page.getByText("Name it after the fix").first().waitFor();
    await ada.page.getByText("Rejected").waitFor();
    expect(await button(ada.page, /^Approve/).count()).toBe(0);
    await ada.page.getByRole("link", { name: "Overview" }).click();
    await ada.page.getByRole("link", { name: "Change", exact: true }).click();
    await button(ada.page, /Schedule$/).click();
    await ada.page.getByLabel("Priority").fill("7");
    await accessible(ada.page, "a draft while it is changed");
    await picture(ada.page, "campaign-change");
    await button(ada.page, "Next").click();
    await button(ada.page, "Change campaign").click();
    await expect.poll(() => ada.page.url()).not.toContain("/edit");
    await ada.page.getByRole("definition").filter({ hasText: /^7$/ }).waitFor();
  });

  test("what changed while an approver read it is not approved, and shown", async () => {
    const submit = () => api("POST", "/campaigns/4/submit", undefined, { token: ada.token });
    await submit();
    await bob.page.goto("/campaigns/4/review");
    await button(bob.page, /^Approve/).click();
    await accessible(bob.page, "the question before an approval");
    await picture(bob.page, "review-approve");
    await api("PATCH", "/campaigns/4", { name: "Door lock fix" }, { token: ada.token });
    await submit();
    await confirm(bob.page, "Approve campaign").click();
    await bob.page.getByText("It was not approved: it had changed meanwhile.").waitFor();
    await bob.page.getByRole("row", { name: /Name.*Body control, reviewed.*Door lock fix/ }).waitFor();
    await accessible(bob.page, "a campaign that changed");
    await picture(bob.page, "review-changed");
    await button(bob.page, "I have seen it").click();
  });

  test("another person approves it, and then it is started", async () => {
    await ada.page.goto("/campaigns/4");
    await button(bob.page, /^Approve/).click();
    await confirm(bob.page, "Approve campaign").click();
    await bob.page.getByText("Approved: it may be started.").waitFor();
    await picture(bob.page, "review-approved");
    await button(ada.page, /^Start/).click();
    await confirm(ada.page, "Start campaign").click();
    await ada.page.getByText("Wave 2 opens when somebody approves how wave 1 went.").waitFor({ timeout: ROLLOUT_MS });
  });

  test("vehicles that failed with a code begin another attempt", async () => {
    // Folded away it is not there for a screen reader, so it is found by its tag.
    const cluster = ada.page.locator("details", { has: ada.page.locator("button") }).first();
    await cluster.locator("summary").click({ timeout: ROLLOUT_MS });
    await cluster.getByRole("button", { name: "Retry these vehicles" }).click();
    await ada.page.getByText("What is under way or installed is left alone.").waitFor();
    await confirm(ada.page, "Retry vehicles").click();
    await ada.page.getByText(/Another attempt for \d+ vehicle/).waitFor();
  });

  test("everything is stopped with a reason, on every page, until an admin lifts it", async () => {
    const { page: engineer } = ada;
    await engineer.goto("/");
    await engineer.getByRole("button", { name: "Emergency stop" }).click();
    await engineer.getByText("From now on no vehicle of any model is offered anything.").waitFor();
    await engineer.getByLabel("Reason").fill("Doors open while driving");
    await accessible(engineer, "the question before an emergency stop");
    await picture(engineer, "emergency-question");
    await confirm(engineer, "Stop everything").click();
    const banner = (of: Page) => of.getByRole("alert", { name: "Emergency stop" });
    await banner(engineer).getByText("Doors open while driving").waitFor();
    expect(await button(engineer, "Lift the stop").count()).toBe(0);
    await engineer.goto("/campaigns/4");
    await engineer.getByText("Halted", { exact: true }).first().waitFor();
    expect(await button(engineer, /^Resume/).count()).toBe(0);
    // The admin's page has followed by itself.
    await banner(page()).waitFor();
    await page().goto("/");
    await settled(page());
    await accessible(page(), "stopped");
    await picture(page(), "emergency-stopped");
    await button(page(), "Lift the stop").click();
    await confirm(page(), "Lift the stop").click();
    await banner(page()).waitFor({ state: "hidden" });
    await banner(engineer).waitFor({ state: "hidden" });
    await button(engineer, /^Resume/).click();
    await confirm(engineer, "Resume campaign").click();
    await engineer.getByText("Running", { exact: true }).first().waitFor();
  });

  test("a wave opens when an approver says that the one before went well", async () => {
    await bob.page.goto("/campaigns/4");
    await button(bob.page, /^Approve wave 1/).click({ timeout: ROLLOUT_MS });
    await confirm(bob.page, "Approve wave 1").click();
    await bob.page.getByText(/Wave 2 opened for/).waitFor({ timeout: ROLLOUT_MS });
    await bob.page.getByRole("row", { name: /a person approves.*approved by bob/ }).waitFor();
  });

  test("what is stated of a release is in its campaigns' dossiers", async () => {
    await bob.page.goto("/releases/1");
    await button(bob.page, "State it").click();
    await bob.page.getByLabel("Purpose").fill("Closes a fault of the door lock");
    await bob.page.getByLabel("Affected").fill("Body control: door locks");
    await bob.page.getByLabel("Type approval").selectOption("granted");
    await bob.page.getByLabel("Verification").fill("HIL run 4711");
    await expect.poll(() => confirm(bob.page, "State").isDisabled()).toBe(true);
    await bob.page.getByLabel("Approval’s number or reference").fill("E1*11R04/02*1234*05");
    await accessible(bob.page, "evidence");
    await picture(bob.page, "evidence-form");
    await confirm(bob.page, "State").click();
    await bob.page.getByRole("definition").filter({ hasText: "HIL run 4711" }).waitFor();
    await bob.page.goto("/campaigns/4");
    const dossier = await bob.page.getByRole("link", { name: "to print" }).getAttribute("href");
    await bob.page.goto(dossier ?? "");
    await bob.page.getByRole("heading", { level: 1, name: "Campaign 4: Door lock fix" }).waitFor();
    await bob.page.getByText("Closes a fault of the door lock", { exact: true }).waitFor();
  });

  test("the log tells who did what, by filters that are in the URL, and leads there", async () => {
    await page().getByRole("navigation").getByRole("link", { name: "Audit" }).click();
    await page().getByText(/otaru audit verify --anchor \d+:[0-9a-f]{64}/).waitFor();
    await page().getByLabel("Who").fill("bob");
    await page().getByLabel("What").selectOption("campaign_approved");
    await expect.poll(() => page().url()).toContain("action=campaign_approved");
    await expect.poll(() => page().url()).toContain("actor=bob");
    const approval = page().getByRole("row", { name: /bob Campaign approved/ });
    await approval.waitFor();
    await expect.poll(() => page().getByRole("row").count()).toBe(2);
    await page().reload();
    await approval.waitFor();
    expect(await page().getByLabel("Who").inputValue()).toBe("bob");
    await picture(page(), "audit-filtered");
    await approval.getByRole("link", { name: "Campaign 4" }).click();
    await page().getByRole("heading", { level: 1, name: "Door lock fix" }).waitFor();
    await page().getByRole("link", { name: "Audit log" }).click();
    await page().getByRole("row", { name: /ada Campaign created/ }).waitFor();
  });

  test("a token for a program is limited to models and calls", async () => {
    await page().goto("/access");
    await button(page(), "New token").click();
    const dialog = page().getByRole("dialog");
    await dialog.getByLabel("Name").fill("exporter");
    await dialog.getByText("Limits").click();
    await dialog.getByLabel("Harbour 2025").check();
    await dialog.getByLabel("audit", { exact: true }).check();
    await accessible(page(), "a limited token");
    await picture(page(), "token-limits");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.locator("code").waitFor();
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await page().getByRole("row", { name: /exporter viewer harbour-2025 ?\/audit/ }).waitFor();
  });
}
