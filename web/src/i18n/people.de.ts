/** Was von Menschen gesagt wird, die angemeldet sind. */

import type { people as english } from "./people.en";

export const people: typeof english = {
  sessions: {
    title: "Angemeldet",
    own: "Ihre Sitzungen",
    lead: "Menschen, die ein OpenID-Anbieter angemeldet hat, mit der Rolle, für die ihre Gruppen dabei standen.",
    leadOwn: "Wo Sie über einen OpenID-Anbieter angemeldet sind. Ein Admin kann eine Sitzung beenden.",
    none: "Niemand ist über einen OpenID-Anbieter angemeldet.",
    noneOwn: "Sie sind mit einem Token angemeldet: Es hat hier keine Sitzung und gilt, bis es endet oder widerrufen wird.",
    person: "Person",
    issuer: "Anbieter",
    since: "Angemeldet",
    used: "Zuletzt benutzt",
    current: "diese hier",
    end: "Beenden",
    endOf: (name) => `Eine Sitzung von ${name} beenden`,
    endAll: "Alle beenden",
    endAllOf: (name) => `Alle Sitzungen von ${name} beenden`,
    endAsk: (name) => `Diese Sitzung von ${name} beenden?`,
    endAllAsk: (name) => `Alle Sitzungen von ${name} beenden?`,
    endEffects: [
      "Was in jenem Browser offen ist, wird mit seinem nächsten Aufruf abgewiesen; Getipptes, das nicht gesendet ist, geht verloren.",
      "Wer sich neu anmeldet, hat die Rolle, für die seine Gruppen dann stehen: Wer draußen bleiben soll, muss sie zuerst beim Anbieter verlieren.",
    ],
    endConfirm: "Sitzung beenden",
    endAllConfirm: "Alle Sitzungen beenden",
  },
};
