import { createContext } from "react";
import type { Language } from ".";

interface Languages {
  language: Language;
  change: (chosen: Language) => Promise<void>;
}

/** Where a page changes the language. */
export const LanguageContext = createContext<Languages>({ language: "en", change: () => Promise.resolve() });
