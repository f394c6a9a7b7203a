import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { triageQuery } from "../../api/foresightQueries";
import { Pending } from "../../components/Pending";
import { formatCount, formatPercent, plural } from "../../format/number";
import { text } from "../../i18n";
import { commonOrigins, logGroups, templateParts, type Ecu, type LogGroup } from "../../rollout/triage";
import classes from "./Failures.module.css";

interface ByLogProps {
  campaign: number;
  /** Vehicles that failed in any way. */
  all: number;
}

/** Failures whose logs end alike, whatever code they have: one line per template, with where its vehicles came from. */
export function ByLog({ campaign, all }: ByLogProps) {
  const t = text().triage;
  const { data, error, refetch } = useQuery(triageQuery(campaign));
  if (data === undefined) return <Pending error={error} retry={() => void refetch()} rows={2} />;
  const groups = logGroups(data);
  const rest = all - groups.reduce((sum, group) => sum + group.vehicles, 0);
  if (groups.length === 0) return <p className={classes.none}>{t.none}</p>;
  return (
    <>
      <ul className={classes.clusters}>
        {groups.map((group) => (
          <Group key={group.template} group={group} all={all} />
        ))}
      </ul>
      {rest > 0 && <p className={classes.rest}>{t.rest(plural(rest, text().count.vehicle))}</p>}
    </>
  );
}

function Group({ group, all }: { group: LogGroup; all: number }) {
  const t = text();
  return (
    <li>
      <details className={classes.cluster}>
        <summary>
          <span className={classes.count}>{formatCount(group.vehicles)}</span>
          <span className={classes.words}>
            <Template template={group.template} />
            <span className={classes.state}>
              {t.campaign.shareOfFailures(formatPercent(group.vehicles / all))}
              <Common group={group} />
            </span>
          </span>
          <span className={classes.track} aria-hidden="true">
            <span style={{ "--ratio": Math.min(1, group.vehicles / all), "--fill": "var(--state-failed)" }} />
          </span>
        </summary>
        <div className={classes.detail}>
          <Origins ecus={group.ecus} />
        </div>
      </details>
    </li>
  );
}

/** A log's last line as all wrote it; where they differ, a mark. */
function Template({ template }: { template: string }) {
  return (
    <code className={classes.template}>
      {templateParts(template).map(({ words, varies }, index) => (
        <span key={index} {...(varies ? { className: classes.varies, title: text().triage.varies } : {})}>
          {varies ? "…" : words}
          {varies && <span className={classes.hidden}>{text().triage.varies}</span>}{" "}
        </span>
      ))}
    </code>
  );
}

function Common({ group }: { group: LogGroup }) {
  return commonOrigins(group).map(({ hardware, version, ratio }) => (
    <span key={hardware}>· {text().triage.common(formatPercent(ratio), hardware, version)}</span>
  ));
}

/** ECU by version before: how many vehicles, and one to look at. */
function Origins({ ecus }: { ecus: readonly Ecu[] }) {
  const t = text().triage;
  return (
    <>
      <table className={classes.from}>
        <thead>
          <tr>
            <th>{t.hardware}</th>
            <th>{t.before}</th>
            <th>{t.example}</th>
            <th>{t.vehicles}</th>
          </tr>
        </thead>
        <tbody>
          {ecus.flatMap(({ hardware, from }) =>
            from.map(({ version, vehicles, sampleVin }) => (
              <tr key={`${hardware} ${version ?? ""}`}>
                <th scope="row">{hardware}</th>
                <td>{version ?? text().campaign.unknownVersion}</td>
                <td>
                  <Link to="/vehicles/$vin" params={{ vin: sampleVin }} search={{}}>
                    {sampleVin}
                  </Link>
                </td>
                <td>{formatCount(vehicles)}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
      {ecus.length > 1 && <p className={classes.none}>{t.ecuHint}</p>}
    </>
  );
}

/** The largest group of logs in a sentence, with the way to all of them; nothing while a single vehicle is no group. */
export function Alike({ campaign, all }: ByLogProps) {
  const t = text().triage;
  const search = useSearch({ from: "/signed-in/campaigns/$id" });
  const { data = [] } = useQuery(triageQuery(campaign));
  const [largest] = logGroups(data);
  if (largest === undefined || largest.vehicles < 2) return null;
  return (
    <p className={classes.alike}>
      {t.together(formatCount(largest.vehicles), formatCount(Math.max(all, largest.vehicles)))}{" "}
      <Link to="/campaigns/$id" params={{ id: campaign }} search={{ ...search, by: "log" }} resetScroll={false} replace>
        <Template template={largest.template} />
      </Link>
      <span className={classes.state}>
        <Common group={largest} />
      </span>
    </p>
  );
}
