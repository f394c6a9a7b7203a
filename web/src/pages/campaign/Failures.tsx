import { Button, Code, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import type { Campaign, FailureCluster } from "../../api/model";
import { failuresQuery } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { Pending } from "../../components/Pending";
import { When } from "../../components/When";
import { formatCount, formatPercent, plural } from "../../format/number";
import { text } from "../../i18n";
import { retriable } from "../../rollout/offers";
import { stateColor, stateLabel } from "../../rollout/states";
import { said } from "../search";
import { Alike, ByLog } from "./ByLog";
import { RetryFailed } from "./RetryFailed";
import classes from "./Failures.module.css";

/** What failed together: one line per cause, with where the vehicles came from and what one of them wrote. */
export function Failures({ campaign }: { campaign: Campaign }) {
  const t = text().campaign;
  const { by } = useSearch({ from: "/signed-in/campaigns/$id" });
  const { data, error, refetch } = useQuery(failuresQuery(campaign.id));
  const all = data?.reduce((sum, cluster) => sum + cluster.vehicles, 0) ?? 0;
  return (
    <Panel title={t.failures} aside={all > 0 && <span className={classes.aside}>{plural(all, text().count.vehicle)}</span>}>
      {data === undefined ? (
        <Pending error={error} retry={() => void refetch()} rows={2} />
      ) : data.length === 0 ? (
        <p className={classes.none}>{t.failuresNone}</p>
      ) : (
        <>
          <Sorted campaign={campaign.id} />
          {by === "log" ? <ByLog campaign={campaign.id} all={all} /> : <ByCode campaign={campaign} clusters={data} all={all} />}
        </>
      )}
    </Panel>
  );
}

function ByCode({ campaign, clusters, all }: { campaign: Campaign; clusters: readonly FailureCluster[]; all: number }) {
  return (
    <>
      <Alike campaign={campaign.id} all={all} />
      <ul className={classes.clusters}>
        {clusters.map((cluster) => (
          <Cluster
            key={`${cluster.state} ${cluster.error_code ?? ""}`}
            campaign={campaign}
            cluster={cluster}
            all={all}
            retriable={retriable(campaign, cluster, clusters)}
          />
        ))}
      </ul>
    </>
  );
}

/** By what the failures are sorted; the URL keeps it. */
function Sorted({ campaign }: { campaign: number }) {
  const t = text().triage;
  const search = useSearch({ from: "/signed-in/campaigns/$id" });
  const ways = [
    [undefined, t.byCode],
    ["log", t.byLog],
  ] as const;
  return (
    <nav aria-label={t.by} className={classes.sorted}>
      {ways.map(([by, label]) => (
        <Link
          key={label}
          to="/campaigns/$id"
          params={{ id: campaign }}
          search={said({ ...search, by })}
          aria-current={search.by === by ? "true" : undefined}
          data-chosen={search.by === by}
          activeOptions={{ exact: true }}
          resetScroll={false}
          replace
        >
          {label}
        </Link>
      ))}
    </nav>
  );
}

interface ClusterProps {
  campaign: Campaign;
  cluster: FailureCluster;
  /** Failed vehicles of all clusters. */
  all: number;
  /** Vehicles that another attempt would be for; none when it cannot be asked for. */
  retriable: number;
}

function Cluster({ campaign, cluster, all, retriable }: ClusterProps) {
  const t = text().campaign;
  const code = cluster.error_code ?? undefined;
  return (
    <li>
      <details className={classes.cluster}>
        <summary>
          <span className={classes.count}>{formatCount(cluster.vehicles)}</span>
          <span className={classes.words}>
            <strong>{code ?? stateLabel(cluster.state)}</strong>
            <span className={classes.state}>
              <span className={classes.swatch} style={{ "--fill": stateColor(cluster.state) }} />
              {code === undefined ? t.noCode : stateLabel(cluster.state)} · {t.shareOfFailures(formatPercent(cluster.vehicles / all))} ·{" "}
              <When at={cluster.last_at} />
            </span>
          </span>
          <span className={classes.track} aria-hidden="true">
            <span style={{ "--ratio": cluster.vehicles / all, "--fill": stateColor(cluster.state) }} />
          </span>
        </summary>
        <div className={classes.detail}>
          {cluster.from.length > 0 && (
            <table className={classes.from}>
              <caption>{t.cameFrom}</caption>
              <tbody>
                {cluster.from.map((origin) => (
                  <tr key={`${origin.hardware_id} ${origin.version ?? ""}`}>
                    <th scope="row">{origin.hardware_id}</th>
                    <td>{origin.version ?? t.unknownVersion}</td>
                    <td>{formatCount(origin.vehicles)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          <p className={classes.sample}>
            {t.sampleLog} ·{" "}
            <Link to="/vehicles/$vin" params={{ vin: cluster.sample.vin }} search={{}}>
              {cluster.sample.vin}
            </Link>
          </p>
          {cluster.sample.log == null || cluster.sample.log === "" ? (
            <p className={classes.none}>{t.noLog}</p>
          ) : (
            <Code block className={classes.log ?? ""} tabIndex={0}>
              {cluster.sample.log}
            </Code>
          )}
          <Group gap="xs">
            <Button
              size="xs"
              variant="light"
              renderRoot={(props) => (
                <Link
                  to="/campaigns/$id"
                  params={{ id: campaign.id }}
                  search={said({ state: cluster.state, error_code: code })}
                  hash="vehicles"
                  {...props}
                />
              )}
            >
              {t.showThese}
            </Button>
            {code !== undefined && retriable > 0 && <RetryFailed campaign={campaign.id} code={code} vehicles={retriable} />}
          </Group>
        </div>
      </details>
    </li>
  );
}
