import { Button } from "@mantine/core";
import { AlertIcon } from "../components/icons";
import { Notice } from "../components/Notice";
import { text } from "../i18n";

/** A fault of the dashboard itself. */
export function Crash({ error }: { error: Error }) {
  const t = text().errors;
  return (
    <Notice
      urgent
      page
      icon={<AlertIcon size={26} />}
      title={t.crash}
      action={
        <Button
          variant="light"
          onClick={() => {
            location.reload();
          }}
        >
          {t.reload}
        </Button>
      }
    >
      {t.crashText} <code>{error.message}</code>
    </Notice>
  );
}
