import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { ShipIcon } from "../components/icons";
import { Notice } from "../components/Notice";
import { useTitle } from "../components/useTitle";
import { text } from "../i18n";

/** An address that leads nowhere. */
export function NotFound({ what }: { what?: string }) {
  const t = text().errors;
  useTitle(t.notFound);
  return (
    <Notice
      page
      icon={<ShipIcon size={26} />}
      title={what ?? t.noSuchPage}
      action={
        <Button variant="light" renderRoot={(props) => <Link to="/" {...props} />}>
          {t.toFleet}
        </Button>
      }
    >
      {t.noSuchPageText}
    </Notice>
  );
}
