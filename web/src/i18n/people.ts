/** What is said of people who are signed in. Apart from the rest, so that only the page about access loads it. */

import { language } from ".";
import { people as de } from "./people.de";
import { people as en } from "./people.en";

export function peopleText(): typeof en {
  return language() === "de" ? de : en;
}
