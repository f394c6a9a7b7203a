import { useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Campaign, CampaignState, Vehicle } from "../../api/model";
import { openCampaignsQuery, releaseQuery, vehicleAssignmentsQuery } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { StateBadge } from "../../components/StateBadge";
import { text } from "../../i18n";
import page from "../Page.module.css";
import classes from "./Campaigns.module.css";
import { WhyNot } from "./WhyNot";

const OPEN: readonly CampaignState[] = ["running", "paused", "halted", "scheduled"];

/** Campaigns under way for the vehicle's model that have not reached it, each with what stands in between. Nothing where there is none. */
export function Others({ vehicle }: { vehicle: Vehicle }) {
  const t = text().past;
  const open = useQueries({
    queries: OPEN.map(openCampaignsQuery),
    combine: (results) => results.flatMap(({ data }) => data?.pages.flatMap((one) => one.items) ?? []),
  });
  const { data: own } = useQuery(vehicleAssignmentsQuery(vehicle.vin));
  const others = own === undefined ? [] : open.filter((campaign) => !own.some((one) => one.campaign === campaign.id));
  const releases = useQueries({
    queries: [...new Set(others.map((campaign) => campaign.release))].map(releaseQuery),
    combine: (results) => new Set(results.flatMap(({ data }) => (data?.models.includes(vehicle.model) === true ? [data.id] : []))),
  });
  const shown = others.filter((campaign) => releases.has(campaign.release));
  if (shown.length === 0) return null;
  return (
    <Panel title={t.others}>
      <p className={page.quiet}>{t.othersLead}</p>
      <ul className={classes.campaigns}>
        {shown.map((campaign) => (
          <Other key={campaign.id} campaign={campaign} vin={vehicle.vin} />
        ))}
      </ul>
    </Panel>
  );
}

function Other({ campaign, vin }: { campaign: Campaign; vin: string }) {
  return (
    <li className={classes.campaign}>
      <header className={classes.head}>
        <Link to="/campaigns/$id" params={{ id: campaign.id }} search={{}}>
          {campaign.name}
        </Link>
        <StateBadge state={campaign.state} />
      </header>
      <WhyNot campaign={campaign.id} vin={vin} />
    </li>
  );
}
