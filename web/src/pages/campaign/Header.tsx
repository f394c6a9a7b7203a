import { Button, Group } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { mayAct } from "../../api/acts";
import type { Campaign } from "../../api/model";
import { CampaignActions } from "../../components/CampaignActions";
import { DiceIcon } from "../../components/icons";
import { PageHeader } from "../../components/PageHeader";
import { ReleaseName } from "../../components/ReleaseName";
import { StateBadge } from "../../components/StateBadge";
import { WaitingOn } from "../../components/WaitingOn";
import { When } from "../../components/When";
import { text } from "../../i18n";
import { isBeforeReview } from "../../rollout/offers";
import { hasNotStarted } from "../../rollout/states";
import { Tabs } from "./Tabs";
import classes from "./Campaign.module.css";

interface HeaderProps {
  campaign: Campaign;
  /** The review is what is being looked at. */
  reviewing?: boolean;
  /** The rehearsal is. */
  rehearsing?: boolean;
  /** The page itself says why it is in its state. */
  told?: boolean;
}

/** What the campaign is, its state, who brought it there and why, and what may be done now. */
export function Header({ campaign, reviewing = false, rehearsing = false, told = false }: HeaderProps) {
  const t = text().campaign;
  const reason = told ? "" : (campaign.state_reason ?? "");
  return (
    <div className={classes.header}>
      <PageHeader
        back={{ to: "/campaigns", label: text().campaigns.title }}
        title={campaign.name}
        badge={<StateBadge state={campaign.state} />}
        lead={
          <>
            {t.number(campaign.id)} · <ReleaseName id={campaign.release} /> · {t.lastChange(campaign.state_by)},{" "}
            <When at={campaign.state_at} />
            {reason !== "" && <>: {t.because(reason)}</>}
          </>
        }
        actions={
          <Group gap="xs">
            {!rehearsing && <Rehearse campaign={campaign} />}
            <CampaignActions campaign={campaign} reviewing={reviewing} />
          </Group>
        }
      />
      {!told && !(reviewing && isBeforeReview(campaign)) && <WaitingOn campaign={campaign} />}
      <Tabs campaign={campaign} />
    </div>
  );
}

/** To how the campaign would go, while it has not begun. */
function Rehearse({ campaign }: { campaign: Campaign }) {
  if (!hasNotStarted(campaign.state) || !mayAct("rehearse")) return null;
  const t = text().rehearsal;
  return (
    <Button
      variant="default"
      leftSection={<DiceIcon size={14} />}
      aria-label={t.actionOf(campaign.name)}
      renderRoot={(props) => <Link to="/campaigns/$id/rehearsal" params={{ id: campaign.id }} search={{}} {...props} />}
    >
      {t.action}
    </Button>
  );
}
