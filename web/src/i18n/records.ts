/** What is said of keys, pasts, dependencies and the whole log. Apart from the rest, so that only their pages load it. */

import { language } from ".";
import { records as de } from "./records.de";
import { records as en } from "./records.en";

export function recordsText(): typeof en {
  return language() === "de" ? de : en;
}
