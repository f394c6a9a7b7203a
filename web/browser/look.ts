/** Looking at pages: pictures of them under `target/screenshots`, and what a screen reader would stumble over. */

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { expect } from "vitest";
import { server } from "./stage";

const PICTURES = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE_MS = 20_000;

export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 390, height: 844 };

/** The ways in which every page is looked at. */
export const VIEWS = [
  { name: "light-wide", colorScheme: "light", viewport: WIDE },
  { name: "dark-wide", colorScheme: "dark", viewport: WIDE },
  { name: "light-narrow", colorScheme: "light", viewport: NARROW },
  { name: "dark-narrow", colorScheme: "dark", viewport: NARROW },
] as const;
export type View = (typeof VIEWS)[number];

export async function open(browser: Browser, view: View, locale = "en-GB"): Promise<Page> {
  const { colorScheme, viewport } = view;
  const context: BrowserContext = await browser.newContext({
    baseURL: server.url,
    colorScheme,
    viewport,
    locale,
    reducedMotion: "reduce",
    timezoneId: "Europe/Berlin",
  });
  context.setDefaultTimeout(PATIENCE_MS);
  return context.newPage();
}

export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: `${PICTURES}${name}.png`, fullPage: true });
}

/** What is in sight without scrolling, as the README shows it. */
export async function pictureForReadme(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.evaluate(() => {
    window.scrollTo(0, 0);
  });
  await page.screenshot({ path: `${PICTURES}docs-${name}.png` });
}

interface Violation {
  id: string;
  impact: string | null;
  nodes: { html: string; failureSummary?: string }[];
}

/** Fails for whatever keeps people from using the page. */
export async function accessible(page: Page, name: string): Promise<void> {
  // A colour on its way to another is no colour that anybody reads.
  await page.evaluate(async () => {
    const ending = document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map((one) => one.finished));
  });
  // As the browser's own tools would: the page's policy lets no script of another place in.
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: (what: Document) => Promise<{ violations: Violation[] }> } };
    return (await axe.run(document)).violations;
  });
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  expect(told, name).toEqual([]);
}

/** Waits until the page has what it asked for: nothing on it is loading any more. */
export async function settled(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"], .mantine-Skeleton-root') === null);
  await page.evaluate(() => document.fonts.ready);
}

/** Looks at all of `pages`, by name and path, in the tab that is given and one beside it: much of looking is waiting. */
export async function inTabs(tab: Page, pages: Record<string, string>, look: (tab: Page, name: string, path: string) => Promise<void>): Promise<void> {
  const left = Object.entries(pages);
  const beside = await tab.context().newPage();
  const go = async (own: Page) => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await look(own, ...next);
  };
  await Promise.all([go(tab), go(beside)]);
  await beside.close();
}

/** Nothing is wider than the screen. */
export async function fits(page: Page, name: string): Promise<void> {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(over, `${name} is too wide by`).toBeLessThanOrEqual(0);
}

export async function signIn(page: Page, token = server.token): Promise<void> {
  await page.getByLabel(/API[ -]token/i).fill(token);
  await page.keyboard.press("Enter");
}
