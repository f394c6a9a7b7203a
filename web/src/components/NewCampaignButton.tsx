import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { text } from "../i18n";
import { PlusIcon } from "./icons";

/** To the wizard. */
export function NewCampaignButton({ light = false }: { light?: boolean }) {
  return (
    <Button
      variant={light ? "light" : "filled"}
      leftSection={<PlusIcon size={16} />}
      renderRoot={(props) => <Link to="/campaigns/new" search={{}} {...props} />}
    >
      {text().campaigns.create}
    </Button>
  );
}
