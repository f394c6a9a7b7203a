/** What a driver is told and asked, while it is written. */

import type { Policy } from "../api/model";
import { text } from "../i18n";
import type { Reader } from "./typed";

interface DraftText {
  key: number;
  /** A tag such as `en` or `de-AT`. */
  language: string;
  title: string;
  body: string;
}

export interface DraftConsent {
  mode: "none" | "inform" | "ask";
  texts: readonly DraftText[];
  minutes: string;
  /** One to a line. */
  unavailable: string;
  reminders: string;
  forces: boolean;
  forceReason: string;
}

export function draftConsent(): DraftConsent {
  return {
    mode: "none",
    texts: [{ key: 0, language: "en", title: "", body: "" }],
    minutes: "",
    unavailable: "",
    reminders: "",
    forces: false,
    forceReason: "",
  };
}

export function readConsent(draft: DraftConsent, reader: Reader): NonNullable<Policy["consent"]> | null {
  if (draft.mode === "none") return null;
  const at = "/policy/consent";
  const texts: Record<string, { title: string; body: string }> = {};
  if (draft.texts.length === 0) reader.fault(`${at}/texts`, text().plan.textNeeded);
  for (const one of draft.texts) {
    const field = (name: string) => `${at}/texts/${one.key}/${name}`;
    const language = reader.words(field("language"), one.language);
    if (language in texts) reader.fault(field("language"), text().plan.textTwice);
    texts[language] = { title: reader.words(field("title"), one.title), body: reader.words(field("body"), one.body) };
  }
  const unavailable = draft.unavailable.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim()]));
  if (unavailable.length > 50) reader.fault(`${at}/unavailable`, text().plan.atMostLines("50"));
  return {
    mode: draft.mode,
    texts,
    minutes: reader.whole(`${at}/minutes`, draft.minutes, { most: 1440 }),
    unavailable,
    max_reminders: draft.mode === "ask" ? reader.whole(`${at}/max_reminders`, draft.reminders, { most: 100 }) : null,
    force_reason: draft.mode === "ask" && draft.forces ? reader.words(`${at}/force_reason`, draft.forceReason) : null,
  };
}

export function writtenConsent(consent: Policy["consent"]): DraftConsent {
  if (consent == null) return draftConsent();
  const texts = Object.entries(consent.texts).map(([language, one], key) => ({ key, language, ...one }));
  return {
    mode: consent.mode,
    texts,
    minutes: consent.minutes == null ? "" : String(consent.minutes),
    unavailable: (consent.unavailable ?? []).join("\n"),
    reminders: consent.max_reminders == null ? "" : String(consent.max_reminders),
    forces: consent.force_reason != null,
    forceReason: consent.force_reason ?? "",
  };
}
