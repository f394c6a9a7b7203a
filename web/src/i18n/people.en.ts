/** What is said of people who are signed in. */

export const people = {
  sessions: {
    title: "Signed in",
    own: "Your sessions",
    lead: "People whom an OpenID provider signed in, with the role that their groups stood for then.",
    leadOwn: "Where you are signed in by an OpenID provider. An admin can end a session.",
    none: "Nobody is signed in by an OpenID provider.",
    noneOwn: "You are signed in with a token: it has no session here, and works until it ends or is revoked.",
    person: "Person",
    issuer: "Provider",
    since: "Signed in",
    used: "Last used",
    current: "this one",
    end: "End",
    endOf: (name: string) => `End a session of ${name}`,
    endAll: "End all",
    endAllOf: (name: string) => `End all sessions of ${name}`,
    endAsk: (name: string) => `End this session of ${name}?`,
    endAllAsk: (name: string) => `End all sessions of ${name}?`,
    endEffects: [
      "What is open in that browser is refused with its next call; what was typed and not sent is lost.",
      "Signing in again gives the role that the person’s groups stand for then: whoever is to stay out must lose their groups at the provider first.",
    ],
    endConfirm: "End session",
    endAllConfirm: "End all sessions",
  },
};
