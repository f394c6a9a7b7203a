import type { Campaign } from "../../api/model";
import { CampaignActions } from "../../components/CampaignActions";
import { PageHeader } from "../../components/PageHeader";
import { ReleaseName } from "../../components/ReleaseName";
import { StateBadge } from "../../components/StateBadge";
import { WaitingOn } from "../../components/WaitingOn";
import { When } from "../../components/When";
import { text } from "../../i18n";
import { isBeforeReview } from "../../rollout/offers";
import { Tabs } from "./Tabs";
import classes from "./Campaign.module.css";

/** What the campaign is, its state, who brought it there and why, and what may be done now. */
export function Header({ campaign, reviewing = false }: { campaign: Campaign; reviewing?: boolean }) {
  const t = text().campaign;
  const reason = campaign.state_reason ?? "";
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
        actions={<CampaignActions campaign={campaign} reviewing={reviewing} />}
      />
      {!(reviewing && isBeforeReview(campaign)) && <WaitingOn campaign={campaign} />}
      <Tabs id={campaign.id} />
    </div>
  );
}
