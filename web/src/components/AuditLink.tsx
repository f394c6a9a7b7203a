import { Link } from "@tanstack/react-router";
import type { AuditFilter } from "../api/evidence";
import { text } from "../i18n";
import page from "../pages/Page.module.css";
import { said } from "../pages/search";

/** To what the log has about something. */
export function AuditLink({ about }: { about: Pick<AuditFilter, "object" | "vin"> }) {
  return (
    <span className={page.quiet}>
      <Link to="/audit" search={said(about)}>
        {text().audit.link}
      </Link>
    </span>
  );
}
