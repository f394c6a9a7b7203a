/** People beside the admin, each with a role and a browser of their own. */

import type { Browser, Page } from "playwright-core";
import { open, signIn, VIEWS } from "./look";
import { api } from "./stage";

export interface Person {
  page: Page;
  token: string;
}

/** Somebody who signs in with a new token of theirs. */
export async function person(browser: Browser, name: string, role: string, view = VIEWS[0]): Promise<Person> {
  const { token } = (await api("POST", "/tokens", { name, role })) as { token: string };
  const page = await open(browser, view);
  await page.goto("/");
  await signIn(page, token);
  await page.getByRole("heading", { level: 1, name: "Fleet" }).waitFor();
  return { page, token };
}
