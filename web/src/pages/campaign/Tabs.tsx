import { Link } from "@tanstack/react-router";
import { mayAct } from "../../api/acts";
import type { Campaign } from "../../api/model";
import { text } from "../../i18n";
import { hasNotStarted } from "../../rollout/states";
import classes from "./Tabs.module.css";

/** The parts of a campaign's page that have an address of their own. */
export function Tabs({ campaign }: { campaign: Campaign }) {
  const t = text().review;
  const { id } = campaign;
  return (
    <nav className={classes.tabs} aria-label={t.tabs}>
      <Link to="/campaigns/$id" params={{ id }} search={{}} activeOptions={{ exact: true, includeSearch: false }}>
        {t.overview}
      </Link>
      <Link to="/campaigns/$id/review" params={{ id }}>
        {t.tab}
      </Link>
      {hasNotStarted(campaign.state) && mayAct("rehearse") && (
        <Link to="/campaigns/$id/rehearsal" params={{ id }} search={{}} activeOptions={{ includeSearch: false }}>
          {text().rehearsal.tab}
        </Link>
      )}
      {campaign.started_at != null && (
        <Link to="/campaigns/$id/forecasts" params={{ id }}>
          {text().forecast.tab}
        </Link>
      )}
      <Link to="/campaigns/$id/excluded" params={{ id }} search={{}} activeOptions={{ includeSearch: false }}>
        {text().excluded.tab}
      </Link>
    </nav>
  );
}
