import { Alert, Button, PasswordInput, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { checkToken } from "../api/client";
import { asApiError } from "../api/errors";
import { beginSession } from "../api/session";
import { useTitle } from "../components/useTitle";
import { Wordmark } from "../components/Wordmark";
import { SchemeToggle } from "./Layout";
import classes from "./SignIn.module.css";

/** Takes an API token and lets the server check it. */
export function SignIn() {
  useTitle("Sign in");
  const { to, ended } = useSearch({ from: "/sign-in" });
  const navigate = useNavigate();
  const [token, setToken] = useState("");
  const checking = useMutation({
    mutationFn: checkToken,
    onSuccess: async (taken, checked) => {
      if (!taken) return;
      beginSession(checked);
      await navigate({ href: to ?? "/", replace: true });
    },
  });
  const refused = checking.data === false;
  return (
    <main className={classes.page}>
      <div className={classes.scheme}>
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
            <h1 className={classes.title}>Sign in</h1>
            <p className={classes.lead}>Over-the-air updates for your fleet.</p>
          </div>
          {ended === "refused" && !checking.isError && !refused && (
            <Alert color="yellow" variant="light" title="You were signed out">
              Otaru no longer takes the token you used: it has expired or was revoked.
            </Alert>
          )}
          <PasswordInput
            label="API token"
            description="The first start of Otaru prints an admin token; an admin can create more."
            value={token}
            size="md"
            required
            withAsterisk={false}
            autoFocus
            autoComplete="current-password"
            error={refused ? "Otaru does not know this token. Is all of it there, and has it not expired?" : undefined}
            onChange={(event) => {
              setToken(event.currentTarget.value);
              checking.reset();
            }}
          />
          {checking.error && (
            <Alert color="red" variant="light" title="The token could not be checked" role="alert">
              {asApiError(checking.error).message} Please try again in a moment.
            </Alert>
          )}
          <Button type="submit" size="md" loading={checking.isPending} fullWidth>
            Sign in
          </Button>
          <p className={classes.note}>The token stays in this browser tab and is forgotten when you close it.</p>
        </Stack>
      </form>
      <Canal />
    </main>
  );
}

/** The canal at night: lamps and their light on the water. */
function Canal() {
  const lamps = [90, 290, 490, 690, 890, 1090];
  return (
    <svg className={classes.canal} viewBox="0 0 1200 220" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
      <path className={classes.quay} d="M0 74h150l20-22h120l20 22h190v-34h150l36-20 36 20h30v34h180l20-26h130l20 26h98v30H0z" />
      <path className={classes.water} d="M0 96h1200v124H0z" />
      {lamps.map((x) => (
        <g key={x}>
          <path className={classes.post} d={`M${x} 96V66`} />
          <circle className={classes.lamp} cx={x} cy={62} r="5" />
          <path className={classes.glow} d={`M${x - 10} 112h20M${x - 16} 128h32M${x - 9} 144h18M${x - 14} 160h28M${x - 5} 176h10`} />
        </g>
      ))}
    </svg>
  );
}
