/** VINs as they are pasted: out of a mail, a spreadsheet, a list. */

import { faultAt } from "../../api/errors";
import { formatCount } from "../../format/number";
import { text } from "../../i18n";

/** Each once, in the order in which they were pasted. */
export function vinsOf(pasted: string): string[] {
  const words = pasted.split(/[\s,;"']+/).filter((word) => word !== "");
  return [...new Set(words.map((word) => word.toUpperCase()))];
}

/** What the server found wrong with the VINs that were to be added, with the one at fault. */
export function vinsFault(error: unknown, vins: readonly string[]): string | undefined {
  const fault = faultAt(error, "/add");
  if (fault === undefined) return undefined;
  const at = Number(fault.pointer?.split("/")[2]);
  const vin = vins[at];
  return vin === undefined ? fault.message : `${text().groups.atVin(formatCount(at + 1), vin)}: ${fault.message}`;
}
