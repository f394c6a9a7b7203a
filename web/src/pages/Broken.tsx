import { useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { ApiError } from "../api/errors";
import { Failure } from "../components/Failure";
import { Crash } from "./Crash";
import classes from "./Broken.module.css";

/** A page that could not be shown: a server that is away, or a fault of the dashboard itself. */
export function Broken({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const again = () => {
    reset();
    void router.invalidate();
  };
  return (
    <main className={classes.page}>
      {error instanceof ApiError ? <Failure page again error={error} retry={again} /> : <Crash error={error} />}
    </main>
  );
}
