// Opens a campaign's page in Chromium again and again: milliseconds until what it decides by is there (state, progress,
// waves), and until everything is (failures, burn-up, the first vehicles). The median of each, as one JSON object.

import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../../web/package.json", import.meta.url))("playwright-core");
const [address, token, rounds] = process.argv.slice(2);
const median = (times) => Math.round([...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0);

const browser = await chromium.launch({ executablePath: process.env.OTARU_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const context = await browser.newContext({ baseURL: address, viewport: { width: 1280, height: 900 }, locale: "en-GB" });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByLabel("API token").fill(token);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Fleet" }).waitFor();
  const [opened, whole] = [[], []];
  for (let round = 0; round < Number(rounds); round += 1) {
    await page.goto("about:blank");
    const began = performance.now();
    await page.goto("/campaigns/1", { waitUntil: "commit" });
    await page.getByRole("row", { name: /^3 / }).first().waitFor();
    opened.push(performance.now() - began);
    await Promise.all([
      page.locator("[role=row][data-body]").first().waitFor(),
      page.locator("details", { hasText: "flash_write_error" }).first().waitFor(),
      page.locator(".u-over").first().waitFor(),
    ]);
    whole.push(performance.now() - began);
  }
  process.stdout.write(JSON.stringify({ opened_ms: median(opened), whole_ms: median(whole), slowest_opened_ms: Math.round(Math.max(...opened)) }));
} finally {
  await browser.close();
}
