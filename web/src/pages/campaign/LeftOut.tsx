import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Campaign } from "../../api/model";
import { excludedQuery } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { plural } from "../../format/number";
import { text } from "../../i18n";
import { exclusionSentence } from "../../rollout/wording";
import page from "../Page.module.css";

/** How many matched the target and were left out, and why; nothing where nobody was. */
export function LeftOut({ campaign }: { campaign: Campaign }) {
  const { data } = useInfiniteQuery({ ...excludedQuery(campaign.id, {}), enabled: campaign.members != null });
  const reasons = data?.pages[0]?.reasons ?? [];
  if (reasons.length === 0) return null;
  return (
    <Panel title={text().wizard.leftOut}>
      <ul className={page.list}>
        {reasons.map((one) => (
          <li key={`${one.reason} ${one.hardware_id ?? ""} ${one.versions ?? ""}`}>
            <Link to="/campaigns/$id/excluded" params={{ id: campaign.id }} search={{ reason: one.reason }}>
              {plural(one.vehicles, text().count.vehicle)}
            </Link>
            : {exclusionSentence(one)}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
