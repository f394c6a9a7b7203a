/** What the editor of a CEL expression needs to know: its words, and where a byte of it stands. */

export type TokenKind = "string" | "number" | "word" | "operator" | "plain";

export interface ExpressionToken {
  kind: TokenKind;
  text: string;
  /** Where it begins. */
  at: number;
}

const TOKENS =
  /(?<string>"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|(?<number>\b\d+(?:\.\d+)?\b)|(?<word>[A-Za-z_]\w*)|(?<operator>[=!<>&|]+|\bin\b)|(?<plain>[\s\S])/g;
const OPERATOR_WORDS = new Set(["in", "true", "false"]);

/** Takes an expression apart for its colours; everything of it is in some token. */
export function tokens(source: string): ExpressionToken[] {
  return [...source.matchAll(TOKENS)].map((match) => {
    const [text] = match;
    const groups: [string, string | undefined][] = Object.entries(match.groups ?? {});
    const named = groups.find(([, value]) => value !== undefined)?.[0] ?? "plain";
    const kind = (OPERATOR_WORDS.has(text) ? "operator" : named) as TokenKind;
    return { kind, text, at: match.index };
  });
}

/** The index in the text of a byte of its UTF-8, in which the server counts. */
export function indexOfByte(source: string, byte: number): number {
  let bytes = 0;
  let index = 0;
  const encoder = new TextEncoder();
  for (const character of source) {
    if (bytes >= byte) return index;
    bytes += encoder.encode(character).length;
    index += character.length;
  }
  return index;
}

/** Line and column of an index, from 1. */
export function placeOf(source: string, index: number): { line: number; column: number } {
  const before = source.slice(0, index).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** What a group may ask about, in the order in which people look for it. */
export const VEHICLE_FIELDS: readonly string[] = [
  "model",
  "model_year",
  "region",
  "tags",
  'ecu["BCM"].version',
  'attributes["name"]',
  "vin",
  "startsWith()",
  "has()",
  "in",
];

/** What targets may ask about: groups as well, which are not made of groups. */
export const TARGET_FIELDS: readonly string[] = VEHICLE_FIELDS.toSpliced(4, 0, "groups");

/** Fields that begin like the word that ends at `index`, and where that word begins. */
export function completions(
  source: string,
  index: number,
  known: readonly string[],
): { from: number; fields: string[] } {
  const word = /[A-Za-z_]\w*$/.exec(source.slice(0, index))?.[0] ?? "";
  const fields = word === "" ? [] : known.filter((field) => field.startsWith(word) && field !== word);
  return { from: index - word.length, fields };
}
