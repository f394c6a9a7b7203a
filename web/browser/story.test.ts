/** A day of an admin, in Debian's Chromium against the real server, with a fleet that answers: chapter by chapter, in order. */

import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { beginning } from "./beginning";
import { desk } from "./desk";
import { ending } from "./ending";
import { foresight } from "./foresight";
import { open, VIEWS } from "./look";
import { membership } from "./membership";
import { flood } from "./flood";
import { oversight } from "./oversight";
import { policies } from "./policies";
import { records } from "./records";
import { rollout } from "./rollout";
import type { Scene } from "./scene";
import { soundness } from "./soundness";
import { setStage, type Stage } from "./stage";

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

const scene: Scene = { browser: () => browser, page: () => page, stage: () => stage, complaints };
beginning(scene);
rollout(scene);
foresight(scene);
desk(scene);
oversight(scene);
membership(() => page);
policies(scene);
records(scene);
flood(scene);
soundness(scene);
ending(scene);
