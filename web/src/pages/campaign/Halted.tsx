import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { mayAct } from "../../api/acts";
import type { Campaign, FailureCluster } from "../../api/model";
import { dropsQuery, failuresQuery } from "../../api/queries";
import { Figure, Figures } from "../../components/Figure";
import { HaltIcon } from "../../components/icons";
import { useOffers } from "../../components/useOffers";
import { When } from "../../components/When";
import { formatCount, formatPercent, plural } from "../../format/number";
import { text } from "../../i18n";
import { stateLabel } from "../../rollout/states";
import { countOf, exposedOf, tally } from "../../rollout/progress";
import { said } from "../search";
import classes from "./Halted.module.css";

/** What somebody who comes to a halted campaign has to know first: why, who is exposed, what failed together, what may be done. */
export function Halted({ campaign }: { campaign: Campaign }) {
  const t = text().watch;
  const { data } = useQuery({ ...dropsQuery(campaign.id), enabled: campaign.state === "halted" });
  if (campaign.state !== "halted") return null;
  const { total, active, installed } = tally(campaign.counters, campaign.members);
  const failed = countOf(campaign.counters, "failed") + countOf(campaign.counters, "rolled_back");
  const exposed = exposedOf(campaign.counters, campaign.members, data?.sampled === true ? [] : data?.items);
  const underWay = active - countOf(campaign.counters, "assigned");
  const share = (count: number, of: number) => formatPercent(of === 0 ? 0 : count / of);
  return (
    <section className={classes.halted} aria-labelledby="halted">
      <header className={classes.head}>
        <HaltIcon size={24} />
        <div>
          <h2 id="halted" className={classes.title}>
            {t.haltedTitle}
          </h2>
          <p className={classes.why}>
            {campaign.state_reason ?? ""}{" "}
            <span className={classes.quiet}>
              {t.haltedBy(campaign.state_by)}, <When at={campaign.state_at} />
            </span>
          </p>
        </div>
      </header>
      <Figures>
        <Figure value={formatCount(exposed)} label={t.exposed} detail={t.exposedHint(share(exposed, total))} />
        <Figure value={formatCount(failed)} label={t.failed} detail={t.failedOf(share(failed, installed + failed))} bad={failed > 0} />
        <Figure value={formatCount(underWay)} label={t.running} detail={t.runningHint} />
        <Figure value={formatCount(total - exposed)} label={t.spared} detail={t.sparedHint} />
      </Figures>
      <div className={classes.parts}>
        <Together campaign={campaign.id} />
        <MayDo campaign={campaign} />
      </div>
    </section>
  );
}

/** More causes than this are no answer at a glance. */
const CAUSES = 3;

/** The largest causes, each with where most of its vehicles came from, and the way to them. */
function Together({ campaign }: { campaign: number }) {
  const t = text().watch;
  const { data = [] } = useQuery(failuresQuery(campaign));
  const all = data.reduce((sum, cluster) => sum + cluster.vehicles, 0);
  return (
    <div>
      <h3 className={classes.subtitle}>{t.together}</h3>
      {data.length === 0 ? (
        <p className={classes.quiet}>{t.noneFailed}</p>
      ) : (
        <ul className={classes.list}>
          {data.slice(0, CAUSES).map((cluster) => (
            <Cause key={`${cluster.state} ${cluster.error_code ?? ""}`} campaign={campaign} cluster={cluster} all={all} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Cause({ campaign, cluster, all }: { campaign: number; cluster: FailureCluster; all: number }) {
  const t = text().watch;
  const { by } = useSearch({ from: "/signed-in/campaigns/$id" });
  const code = cluster.error_code ?? undefined;
  const [origin] = cluster.from;
  return (
    <li>
      <Link
        to="/campaigns/$id"
        params={{ id: campaign }}
        search={said({ by, state: cluster.state, error_code: code })}
        hash="vehicles"
        className={classes.cause}
      >
        {code ?? stateLabel(cluster.state)}
      </Link>{" "}
      <span className={classes.quiet}>
        {t.togetherOf(formatCount(cluster.vehicles), formatCount(all))}
        {origin && ` · ${t.from(origin.hardware_id, origin.version ?? text().campaign.unknownVersion)}: ${formatCount(origin.vehicles)}`}
      </span>
    </li>
  );
}

/** What whoever looks may do, each with its consequence; the buttons are at the top of the page. */
function MayDo({ campaign }: { campaign: Campaign }) {
  const t = text().watch;
  const { offered } = useOffers(campaign);
  const { active, unassigned, installed } = tally(campaign.counters, campaign.members);
  const vehicles = (count: number) => plural(count, text().count.vehicle);
  const lines = [
    offered.includes("resume") && t.mayResume(vehicles(active + unassigned)),
    offered.includes("cancel") && t.mayCancel(vehicles(active + unassigned), plural(installed, text().count.vehicleKeeps)),
    installed > 0 && mayAct("undo") && t.mayUndo(vehicles(installed)),
    mayAct("retry") && offered.includes("resume") && t.mayRetry,
  ].filter((line) => line !== false);
  return (
    <div>
      <h3 className={classes.subtitle}>{t.mayDo}</h3>
      {lines.length === 0 ? (
        <p className={classes.quiet}>{t.mayNothing}</p>
      ) : (
        <ul className={classes.list}>
          {lines.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
