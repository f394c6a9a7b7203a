import { Alert, Button, Divider, PasswordInput, Stack } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { getSignInOptions, signIn } from "../api/client";
import { asApiError } from "../api/errors";
import { beginSession } from "../api/session";
import { LanguageToggle, SchemeToggle } from "../components/Preferences";
import { useTitle } from "../components/useTitle";
import { Wordmark } from "../components/Wordmark";
import { text } from "../i18n";
import classes from "./SignIn.module.css";

/** Takes an API token and lets the server check it. */
export function SignIn() {
  const t = text().signIn;
  useTitle(t.title);
  const { to, ended, error } = useSearch({ from: "/sign-in" });
  const navigate = useNavigate();
  const [token, setToken] = useState("");
  const checking = useMutation({
    mutationFn: signIn,
    onSuccess: async (session) => {
      if (session === null) return;
      beginSession(session);
      setToken("");
      await navigate({ href: to ?? "/", replace: true });
    },
  });
  // What cannot be asked is not offered: a token does without.
  const options = useQuery({
    queryKey: ["sign-in-options"],
    queryFn: ({ signal }) => getSignInOptions(signal),
    retry: false,
    staleTime: Infinity,
  });
  const provider = options.data?.oidc ?? null;
  const refused = checking.data === null;
  return (
    <main className={classes.page}>
      <div className={classes.scheme}>
        <LanguageToggle />
        <SchemeToggle />
      </div>
      <form
        className={classes.card}
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== "") checking.mutate(token.trim());
        }}
      >
        <Stack gap="lg">
          <Wordmark height={34} />
          <div>
            <h1 className={classes.title}>{t.title}</h1>
            <p className={classes.lead}>{t.lead}</p>
          </div>
          {ended === "refused" && !checking.isError && !refused && (
            <Alert color="yellow" variant="light" title={t.ended}>
              {t.endedText}
            </Alert>
          )}
          {error !== undefined && !checking.isError && !refused && (
            <Alert color="red" variant="light" title={t.oidcFailed} role="alert">
              {oidcError(error)}
            </Alert>
          )}
          {provider !== null && (
            <>
              <Button component="a" href={`/api/v1/session/oidc?to=${encodeURIComponent(to ?? "/")}`} size="md" fullWidth>
                {t.oidc(provider.label)}
              </Button>
              <Divider label={t.or} />
            </>
          )}
          <PasswordInput
            label={t.token}
            description={t.tokenHint}
            value={token}
            size="md"
            required
            withAsterisk={false}
            autoFocus={provider === null}
            autoComplete="current-password"
            error={refused ? t.refused : undefined}
            onChange={(event) => {
              setToken(event.currentTarget.value);
              checking.reset();
            }}
          />
          {checking.error && (
            <Alert color="red" variant="light" title={t.failed} role="alert">
              {asApiError(checking.error).message} {t.again}
            </Alert>
          )}
          <Button type="submit" variant={provider === null ? "filled" : "default"} size="md" loading={checking.isPending} fullWidth>
            {t.submit}
          </Button>
          <p className={classes.note}>{t.note}</p>
        </Stack>
      </form>
      <Canal />
    </main>
  );
}

/** What the way back from the provider said, in words; of codes that a newer server has, that it failed. */
function oidcError(code: string): string {
  const words: Record<string, string> = text().signIn.oidcErrors;
  return words[code] ?? text().signIn.again;
}

/** The canal: warehouses on the quay, lamps, and their light on the water. */
function Canal() {
  const lamps = [60, 260, 460, 740, 940, 1140];
  return (
    <svg className={classes.canal} viewBox="0 0 1200 240" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
      <path
        className={classes.far}
        d="M0 130V84l50-26 50 26v-8h90v-22l60-30 60 30v22h70v8l45-24 45 24v-18h130V42l62-30 62 30v24h86v18l48-24 48 24v-30l58-28 58 28v30h88V74l50-26 50 26v56z"
      />
      <path
        className={classes.near}
        d="M0 130v-22h76l0-28 52-26 52 26v28h150V94h96v36zM770 130V96l54-28 54 28v34zM878 130v-22h138V88h110v20h74v22z"
      />
      <path
        className={classes.windows}
        d="M112 92v10M128 92v10M144 92v10M352 108v8M376 108v8M400 108v8M806 108v8M824 108v8M842 108v8M1040 102v8M1064 102v8M1088 102v8"
      />
      <path className={classes.water} d="M0 130h1200v110H0z" />
      <path className={classes.quay} d="M0 130h1200" />
      {lamps.map((x) => (
        <g key={x}>
          <path className={classes.post} d={`M${x} 130v-34`} />
          <circle className={classes.lamp} cx={x} cy={93} r="4.5" />
          <path
            className={classes.glow}
            d={`M${x - 8} 144h16M${x - 14} 158h28M${x - 7} 172h14M${x - 11} 186h22M${x - 4} 200h8`}
          />
        </g>
      ))}
    </svg>
  );
}
