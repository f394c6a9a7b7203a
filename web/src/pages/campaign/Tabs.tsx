import { Link } from "@tanstack/react-router";
import { text } from "../../i18n";
import classes from "./Tabs.module.css";

/** The parts of a campaign's page that have an address of their own. */
export function Tabs({ id }: { id: number }) {
  const t = text().review;
  return (
    <nav className={classes.tabs} aria-label={t.tabs}>
      <Link to="/campaigns/$id" params={{ id }} search={{}} activeOptions={{ exact: true, includeSearch: false }}>
        {t.overview}
      </Link>
      <Link to="/campaigns/$id/review" params={{ id }}>
        {t.tab}
      </Link>
      <Link to="/campaigns/$id/excluded" params={{ id }} search={{}} activeOptions={{ includeSearch: false }}>
        {text().excluded.tab}
      </Link>
    </nav>
  );
}
