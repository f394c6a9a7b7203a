import { chromium } from "playwright-core";
import fs from "node:fs";
// node shot.tmp.mjs OUT PATH[=name] ... ; env SCHEME, W, H, LANGU, FULL
const [out, ...paths] = process.argv.slice(2);
const base = process.env.BASE ?? "http://127.0.0.1:18090"; const token = fs.readFileSync(process.env.TOKENFILE ?? "/tmp/w3/demo/admin-token","utf8").trim();
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const context = await browser.newContext({ baseURL: base, colorScheme: process.env.SCHEME ?? "light", viewport: { width: Number(process.env.W ?? 1280), height: Number(process.env.H ?? 900) }, locale: process.env.LANGU ?? "en-GB", reducedMotion: "reduce", timezoneId: "Europe/Berlin" });
const page = await context.newPage(); page.on("pageerror", e => console.log("PAGEERROR", e.message)); page.on("console", m => { if (m.type()==="error") console.log("CONSOLE", m.text().slice(0,200)); });
await page.goto("/sign-in"); await page.getByLabel(/API[ -]token/i).fill(token); await page.keyboard.press("Enter"); await page.waitForTimeout(800);
for (const p of paths) { const [path, name] = p.split("@"); await page.goto(path); await page.waitForTimeout(Number(process.env.WAIT ?? 1500)); await page.screenshot({ path: `${out}/${name}.png`, fullPage: process.env.FULL !== "0" }); }
await browser.close();
