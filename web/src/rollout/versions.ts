/** Software versions in their order, as the server sees them (`services/domain/src/version.rs`): for what is drawn, not decided. */

/** Orders versions by meaning: 2.10 is newer than 2.9, a pre-release comes before its release, `+…` does not count. */
export function sortKey(version: string): string {
  const [plain = ""] = version.split("+");
  const dash = plain.indexOf("-");
  const core = dash === -1 ? plain : plain.slice(0, dash);
  const pre = dash === -1 ? "" : `0${parts(plain.slice(dash + 1), false)}`;
  return `${parts(core, true)}${pre}1`;
}

function parts(text: string, core: boolean): string {
  const found = text.split(/[._~-]/).flatMap((dotted) => dotted.match(/[0-9]+|[^0-9]+/g) ?? []);
  // 2.3 and 2.3.0 are the same version.
  while (core && found.length > 1 && /^0+$/.test(found.at(-1) ?? "")) found.pop();
  const [words, numbers] = core ? ["2", "3"] : ["3", "2"];
  return found
    .map((part) => {
      if (!/^[0-9]/.test(part)) return `${words}${part} `;
      const digits = part.replace(/^0+/, "");
      return `${numbers}${String(digits.length).padStart(2, "0")}${digits}`;
    })
    .join("");
}

/** Whether a version is within all bounds of a range, such as `>=2.1, <3`; not where the range is not understood. */
export function satisfies(version: string, range: string): boolean {
  const key = sortKey(version);
  return range.split(",").every((part) => {
    const bound = /^\s*(>=|<=|!=|>|<|=)\s*(\S+)\s*$/.exec(part);
    if (bound === null) return false;
    const other = sortKey(bound[2] ?? "");
    switch (bound[1]) {
      case ">=":
        return key >= other;
      case "<=":
        return key <= other;
      case "!=":
        return key !== other;
      case ">":
        return key > other;
      case "<":
        return key < other;
      default:
        return key === other;
    }
  });
}
