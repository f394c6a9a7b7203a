import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import { forecastQuery } from "../../api/foresightQueries";
import type { Campaign } from "../../api/model";
import { burnUpQuery } from "../../api/queries";
import { ChartLegend } from "../../components/ChartLegend";
import { Failure } from "../../components/Failure";
import { Panel } from "../../components/Panel";
import { formatCount } from "../../format/number";
import { text } from "../../i18n";
import { burnUpSeries, endedBy } from "../../rollout/burnUp";
import { courseOf, isUnderWay } from "../../rollout/foresight";
import { tally } from "../../rollout/progress";
import classes from "./BurnUp.module.css";

const Chart = lazy(async () => ({ default: (await import("./BurnUpChart")).BurnUpChart }));

/** How the vehicles came to their ends over time, below how many had been given the update. */
export function BurnUp({ campaign }: { campaign: Campaign }) {
  const t = text().campaign;
  const { data, error, refetch } = useQuery(burnUpQuery(campaign.id));
  const series = data && burnUpSeries(data, campaign.waves);
  const { total, installed, exited } = tally(campaign.counters, campaign.members);
  const { data: foretold } = useQuery({ ...forecastQuery(campaign.id), enabled: isUnderWay(campaign) });
  const forecast = campaign.state === "running" ? foretold?.forecast : undefined;
  const from = forecast == null ? 0 : Date.parse(forecast.from) / 1000;
  const ended = series === undefined || total === 0 ? undefined : endedBy(series, from) / total;
  const course = useMemo(
    () => (forecast == null || ended === undefined ? undefined : courseOf(forecast, ended)),
    [forecast, ended],
  );
  const spoken = t.burnUpSpoken(formatCount(installed), formatCount(exited), formatCount(total));
  return (
    <Panel title={t.burnUp} aside={series && <Legend ahead={course !== undefined} />}>
      {data === undefined && error !== null ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : data === undefined ? (
        <Skeleton h={240} />
      ) : series === undefined ? (
        <p className={classes.none}>{t.burnUpNone}</p>
      ) : (
        <div role="img" aria-label={spoken} className={classes.chart}>
          <Suspense fallback={<Skeleton h={240} />}>
            <Chart series={series} waves={campaign.waves} members={total} ahead={course} />
          </Suspense>
        </div>
      )}
    </Panel>
  );
}

function Legend({ ahead }: { ahead: boolean }) {
  const t = text().campaign;
  const band = { label: text().forecast.band, color: "--otaru-water", as: "area" } as const;
  return (
    <ChartLegend
      parts={[
        { label: text().states.installed, color: "--state-installed" },
        { label: t.otherwise, color: "--state-failed" },
        { label: t.openTo, color: "--otaru-quiet", as: "dashes" },
        ...(ahead ? [band] : []),
      ]}
    />
  );
}
