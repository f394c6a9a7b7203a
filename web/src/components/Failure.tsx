import { Button } from "@mantine/core";
import { asApiError } from "../api/errors";
import { AlertIcon, UnpluggedIcon } from "./icons";
import { Notice } from "./Notice";

/** A page or part that could not be loaded, and what may be done. */
export function Failure({ error, retry }: { error: unknown; retry: () => void }) {
  const problem = asApiError(error);
  const away = problem.status === 0 || problem.status >= 500;
  return (
    <Notice
      urgent
      icon={away ? <UnpluggedIcon size={26} /> : <AlertIcon size={26} />}
      title={away ? "Otaru does not answer" : "This could not be loaded"}
      action={
        <Button variant="light" onClick={retry}>
          Try now
        </Button>
      }
    >
      {problem.message}
      {away && " Vehicles are not affected: the gateway serves them on its own. This page comes back by itself."}
    </Notice>
  );
}
