import { Button } from "@mantine/core";
import { useEffect, useEffectEvent } from "react";
import { asApiError } from "../api/errors";
import { text } from "../i18n";
import { AlertIcon, UnpluggedIcon } from "./icons";
import { Notice } from "./Notice";

const AGAIN_MS = 5_000;

interface FailureProps {
  error: unknown;
  retry: () => void;
  /** The whole page could not be loaded, not a part of it. */
  page?: boolean;
  /** Nothing else asks again: there is no live stream yet that would. */
  again?: boolean;
}

/** What could not be loaded, and what may be done. */
export function Failure({ error, retry, page = false, again = false }: FailureProps) {
  const t = text().errors;
  const problem = asApiError(error);
  const away = problem.status === 0 || problem.status >= 500;
  const tryAgain = useEffectEvent(retry);
  useEffect(() => {
    if (!again || !away) return;
    const timer = setInterval(tryAgain, AGAIN_MS);
    return () => {
      clearInterval(timer);
    };
  }, [again, away]);
  return (
    <Notice
      urgent
      page={page}
      icon={away ? <UnpluggedIcon size={26} /> : <AlertIcon size={26} />}
      title={problem.status === 0 ? t.away : problem.status >= 500 ? t.broken : t.notLoaded}
      action={
        <Button variant="light" onClick={retry}>
          {t.tryNow}
        </Button>
      }
    >
      {problem.message}
      {problem.status === 0 && ` ${t.independent}`}
      {away && ` ${t.comesBack}`}
    </Notice>
  );
}
