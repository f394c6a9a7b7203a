import { Link } from "@tanstack/react-router";
import type { Campaign } from "../../api/model";
import { CampaignActions } from "../../components/CampaignActions";
import { ReleaseName } from "../../components/ReleaseName";
import { StateBadge } from "../../components/StateBadge";
import { StateBar, StateLegend } from "../../components/StateBar";
import { WaitingOn } from "../../components/WaitingOn";
import { WaveStrip } from "../../components/WaveStrip";
import { When } from "../../components/When";
import { formatPercent, plural } from "../../format/number";
import { text } from "../../i18n";
import { tally } from "../../rollout/progress";
import { hasEnded } from "../../rollout/states";
import classes from "./CampaignCard.module.css";

/** A campaign at a glance: how far it is, what it waits for, and what may be done about it. */
export function CampaignCard({ campaign }: { campaign: Campaign }) {
  const ended = hasEnded(campaign.state);
  const { total, finishedRatio } = tally(campaign.counters, campaign.members);
  return (
    <article className={classes.card} aria-labelledby={`campaign-${campaign.id}`}>
      <header className={classes.header}>
        <div className={classes.heading}>
          <h3 id={`campaign-${campaign.id}`} className={classes.name}>
            <Link to="/campaigns/$id" params={{ id: campaign.id }} search={{}}>
              {campaign.name}
            </Link>
          </h3>
          <StateBadge state={campaign.state} />
        </div>
        <CampaignActions campaign={campaign} size="xs" />
        <p className={classes.facts}>
          <ReleaseName id={campaign.release} />
          {total > 0 && <span>{plural(total, text().count.vehicle)}</span>}
          <span>
            {ended ? text().campaigns.ended : text().campaigns.deadline}{" "}
            <When at={ended ? campaign.state_at : campaign.deadline} />
          </span>
        </p>
      </header>
      {total > 0 && (
        <div className={classes.progress}>
          <div className={classes.figure}>
            <strong>{formatPercent(finishedRatio)}</strong>
            <span>{text().campaign.finished}</span>
          </div>
          <div className={classes.bar}>
            <StateBar label={text().campaigns.progressOf(campaign.name)} counters={campaign.counters} members={campaign.members} />
            <StateLegend counters={campaign.counters} members={campaign.members} />
          </div>
        </div>
      )}
      {!ended && campaign.waves.length > 1 && <WaveStrip campaign={campaign} />}
      <WaitingOn campaign={campaign} />
    </article>
  );
}
