import { Button } from "@mantine/core";
import { asApiError } from "../api/errors";
import { AlertIcon, UnpluggedIcon } from "./icons";
import { Notice } from "./Notice";

interface FailureProps {
  error: unknown;
  retry: () => void;
  /** The whole page could not be loaded, not a part of it. */
  page?: boolean;
}

/** What could not be loaded, and what may be done. */
export function Failure({ error, retry, page = false }: FailureProps) {
  const problem = asApiError(error);
  const away = problem.status === 0 || problem.status >= 500;
  return (
    <Notice
      urgent
      page={page}
      icon={away ? <UnpluggedIcon size={26} /> : <AlertIcon size={26} />}
      title={title(problem.status)}
      action={
        <Button variant="light" onClick={retry}>
          Try now
        </Button>
      }
    >
      {problem.message}
      {problem.status === 0 && " Vehicles are served by the gateway, independently of it."}
      {away && " This page comes back by itself."}
    </Notice>
  );
}

function title(status: number): string {
  if (status === 0) return "Otaru does not answer";
  return status >= 500 ? "Otaru cannot answer right now" : "This could not be loaded";
}
