/** What the log's entries are about, as the API names it: `campaign-12`, `model-harbour-2025`, `fleet`. */

const KINDS = [
  "campaign",
  "release",
  "model",
  "vehicle",
  "group",
  "token",
  "artifact",
  "dead-letter",
  "emergency-stop",
  "fleet",
] as const;
export type ObjectKind = (typeof KINDS)[number];

/** Its kind, undefined when this dashboard does not know it yet, and what tells it from others of that kind. */
export function objectOf(object: string): { kind: ObjectKind | undefined; id: string } {
  const kind = KINDS.find((one) => object === one || object.startsWith(`${one}-`));
  return { kind, id: kind === undefined ? object : object.slice(kind.length + 1) };
}
