/** The part of the story about what an admin has on the desk: dead letters and tokens. */

import { expect, test } from "vitest";
import { accessible, open, picture, signIn, VIEWS } from "./look";
import { goTo, type Scene } from "./scene";
import { sendStray } from "./stage";

const [FIRST_VIEW] = VIEWS;

/** The tests, in their order, for the story to take in. */
export function desk(scene: Scene): void {
  const { page } = scene;
  const go = (name: string) => goTo(page(), name);

  test("a dead letter is read, mended and sent again", async () => {
    const [vehicle] = scene.stage().vehicles;
    if (vehicle === undefined) throw new Error("there is no vehicle");
    await sendStray(vehicle, 4242);
    await go("Dead letters");
    await page().getByRole("button", { name: /Look at it/ }).click({ timeout: 30_000 });
    await accessible(page(), "dead letter");
    await picture(page(), "dead-letter");
    const message = page().getByLabel("Message");
    const value = await message.inputValue();
    await message.fill("no JSON");
    await page().getByRole("button", { name: "Send mended" }).click();
    await page().getByText("its reader could not parse it", { exact: false }).waitFor();
    await message.fill(value.replace("4242", "1"));
    await page().getByRole("button", { name: "Send mended" }).click();
    await expect.poll(() => page().getByRole("cell", { name: /ago|just now/ }).count()).toBe(2);
  });

  test("a token is issued once; what its role may not do is not offered and refused all the same", async () => {
    await go("Access");
    await page().getByText("Nobody is signed in by an OpenID provider.").waitFor();
    await page().getByRole("button", { name: "New token" }).click();
    await page().getByLabel("Name").fill("night shift");
    await page().getByRole("dialog").getByRole("button", { name: "Create" }).click();
    const secret = await page().getByRole("dialog").locator("code").innerText();
    await page().getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
    const guest = await open(scene.browser(), FIRST_VIEW);
    await guest.goto("/");
    await signIn(guest, secret);
    await guest.getByRole("heading", { level: 1, name: "Fleet" }).waitFor();
    expect(await guest.getByRole("link", { name: "New campaign" }).count()).toBe(0);
    // Everybody sees where they are signed in, and admins alone the tokens.
    await guest.getByRole("link", { name: "Access" }).click();
    await guest.getByText(/^You are signed in with a token/).waitFor();
    await guest.getByText("Only admins see tokens").waitFor();
    await accessible(guest, "access of a viewer");
    await picture(guest, "access-viewer");
    await guest.goto("/campaigns/3");
    await guest.getByRole("heading", { level: 1, name: "Body control for everybody" }).waitFor();
    expect(await guest.getByRole("link", { name: /Rehears/ }).count()).toBe(0);
    await guest.goto("/campaigns/3/rehearsal");
    await guest.getByText("Your role may not do this.").waitFor();
    const status = await guest.evaluate(async () => {
      const answer = await fetch("/api/v1/campaigns/2/resume", { method: "POST" });
      return answer.status;
    });
    expect(status).toBe(403);
    await page().getByRole("button", { name: "Revoke night shift" }).click();
    await page().getByRole("button", { name: "Revoke token" }).click();
    await page().getByText("Revoked").waitFor();
    // A page that the guest has not seen yet asks the server.
    await guest.getByRole("link", { name: "Releases" }).click();
    await guest.getByText("You were signed out").waitFor();
    await guest.context().close();
  });
}
