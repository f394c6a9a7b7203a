import type { Campaign } from "../../api/model";
import { CampaignActions } from "../../components/CampaignActions";
import { ReleaseName } from "../../components/ReleaseName";
import { StateBadge } from "../../components/StateBadge";
import { WaitingOn } from "../../components/WaitingOn";
import { When } from "../../components/When";
import classes from "./Header.module.css";

/** What the campaign is, its state and who brought it there, and what may be done now. */
export function Header({ campaign }: { campaign: Campaign }) {
  return (
    <header className={classes.header}>
      <div className={classes.top}>
        <div>
          <div className={classes.heading}>
            <h1 className={classes.name}>{campaign.name}</h1>
            <StateBadge state={campaign.state} />
          </div>
          <p className={classes.facts}>
            Campaign {campaign.id} · <ReleaseName id={campaign.release} /> · last change by {campaign.state_by},{" "}
            <When at={campaign.state_at} />
            {campaign.state_reason != null && campaign.state_reason !== "" && <>: “{campaign.state_reason}”</>}
          </p>
        </div>
        <CampaignActions campaign={campaign} />
      </div>
      <WaitingOn campaign={campaign} />
    </header>
  );
}
