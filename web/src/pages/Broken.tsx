import { useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { getSession } from "../api/client";
import { ApiError, MISSING_PART } from "../api/errors";
import { Failure } from "../components/Failure";
import { Crash } from "./Crash";
import classes from "./Broken.module.css";

/** The server is still away, and is asked again. */
const ignored = () => undefined;

/** A page that could not be shown: a server that is away, or a fault of the dashboard itself. */
export function Broken({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const again = () => {
    // A part that did not arrive is not asked for again, so all of it is, once the server answers.
    if (error instanceof ApiError && error.code === MISSING_PART) {
      void getSession().then(() => {
        location.reload();
      }, ignored);
      return;
    }
    reset();
    void router.invalidate();
  };
  return (
    <main className={classes.page}>
      {error instanceof ApiError ? <Failure page again error={error} retry={again} /> : <Crash error={error} />}
    </main>
  );
}
