/**
 * The language of the dashboard: what is said is in a typed dictionary, so a sentence that one language lacks does not
 * compile; numbers and times follow the locale. Only the language in use is loaded.
 */

import { en, type Dictionary } from "./en";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;
const KEY = "otaru.language";

let dictionary: Dictionary = en;
let current: Language = "en";

/** What is said in the current language. A change of it draws the whole page anew, so this may be read anywhere. */
export function text(): Dictionary {
  return dictionary;
}

export function language(): Language {
  return current;
}

/** Of numbers and times: the reader's own variant of the language if the browser tells one. */
export function locale(): string {
  const own = typeof navigator === "undefined" ? [] : navigator.languages;
  return own.find((tag) => tag === current || tag.startsWith(`${current}-`)) ?? { en: "en-GB", de: "de" }[current];
}

/** What somebody chose before, else what the browser asks for. */
export function preferredLanguage(): Language {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "en" || chosen === "de") return chosen;
  return navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
}

export async function loadLanguage(chosen: Language): Promise<void> {
  dictionary = chosen === "de" ? (await import("./de")).de : en;
  current = chosen;
  if (typeof document !== "undefined") document.documentElement.lang = chosen;
}

export function rememberLanguage(chosen: Language): void {
  localStorage.setItem(KEY, chosen);
}
