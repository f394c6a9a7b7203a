import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { ShipIcon } from "../components/icons";
import { Notice } from "../components/Notice";
import { useTitle } from "../components/useTitle";

/** An address that leads nowhere. */
export function NotFound({ what = "There is no such page" }: { what?: string }) {
  useTitle("Not found");
  return (
    <Notice
      page
      icon={<ShipIcon size={26} />}
      title={what}
      action={
        <Button variant="light" renderRoot={(props) => <Link to="/" search={{}} {...props} />}>
          To the fleet
        </Button>
      }
    >
      The address may be old or mistyped.
    </Notice>
  );
}
