/** What the chapters of the story share: the browser, the admin's page, and what was complained of meanwhile. */

import type { Browser, Locator, Page } from "playwright-core";
import type { Stage } from "./stage";

/** Each is there only once the story has begun. */
export interface Scene {
  browser: () => Browser;
  /** The admin's. */
  page: () => Page;
  stage: () => Stage;
  /** Errors that no page caught. */
  complaints: string[];
}

/** Far more than the fleet needs. */
export const ROLLOUT_MS = 100_000;

export function headingOf(page: Page, name: string | RegExp): Locator {
  return page.getByRole("heading", { level: 1, name });
}

/** To one of the pages that the navigation names. */
export async function goTo(page: Page, name: string): Promise<void> {
  await page.getByRole("navigation").getByRole("link", { name }).click();
}
