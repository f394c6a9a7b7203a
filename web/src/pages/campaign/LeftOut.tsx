import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Campaign } from "../../api/model";
import { excludedQuery } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { plural } from "../../format/number";
import { text } from "../../i18n";
import { exclusionSentence } from "../../rollout/wording";
import page from "../Page.module.css";

/** Who matched the target and was left out when the campaign took its vehicles; nothing where nobody was. */
export function LeftOut({ campaign }: { campaign: Campaign }) {
  const { data } = useQuery({ ...excludedQuery(campaign.id), enabled: campaign.members != null });
  if (data === undefined || data.reasons.length === 0) return null;
  const of = (reason: (typeof data.reasons)[number]) =>
    data.items.filter(
      (item) =>
        item.reason === reason.reason && item.hardware_id === reason.hardware_id && item.versions === reason.versions,
    );
  return (
    <Panel title={text().wizard.leftOut}>
      <ul>
        {data.reasons.map((reason) => (
          <li key={`${reason.reason} ${reason.hardware_id ?? ""} ${reason.versions ?? ""}`}>
            <strong>{plural(reason.vehicles, text().count.vehicle)}</strong>: {exclusionSentence(reason)}
            <span className={page.quiet}>
              {of(reason)
                .slice(0, 5)
                .map((item) => (
                  <span key={item.vin}>
                    {" "}
                    <Link to="/vehicles/$vin" params={{ vin: item.vin }} search={{}}>
                      {item.vin}
                    </Link>
                  </span>
                ))}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
