import { Button } from "@mantine/core";
import { AlertIcon } from "../components/icons";
import { Notice } from "../components/Notice";

/** A fault of the dashboard itself. */
export function Crash({ error }: { error: Error }) {
  return (
    <Notice
      urgent
      page
      icon={<AlertIcon size={26} />}
      title="This page has broken"
      action={
        <Button
          variant="light"
          onClick={() => {
            location.reload();
          }}
        >
          Load it again
        </Button>
      }
    >
      The fault is in the dashboard, the fleet is not affected. It says: <code>{error.message}</code>
    </Notice>
  );
}
