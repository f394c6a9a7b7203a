/** What is said while a campaign is written. Apart from the rest, so that only who writes one loads it. */

import { language } from ".";
import { plan as de } from "./plan.de";
import { plan as en } from "./plan.en";

export function planText(): typeof en {
  return language() === "de" ? de : en;
}
