import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useMemo } from "react";
import { forecastQuery, forecastsQuery } from "../../api/foresightQueries";
import type { Campaign } from "../../api/model";
import { burnUpQuery } from "../../api/queries";
import { ChartLegend } from "../../components/ChartLegend";
import { Failure } from "../../components/Failure";
import { Panel } from "../../components/Panel";
import { formatCount } from "../../format/number";
import { text } from "../../i18n";
import { burnUpSeries, endedBy, sliceAt, type Series } from "../../rollout/burnUp";
import { courseOf, isUnderWay, plannedBy, type Course } from "../../rollout/foresight";
import { tally } from "../../rollout/progress";
import { stateLabel } from "../../rollout/states";
import classes from "./BurnUp.module.css";
import type { Planned, Span } from "./BurnUpChart";

const Chart = lazy(async () => ({ default: (await import("./BurnUpChart")).BurnUpChart }));

/** How the vehicles came to their ends over time, below how many had been given the update; a point leads to its vehicles. */
export function BurnUp({ campaign }: { campaign: Campaign }) {
  const t = text().campaign;
  const { data, error, refetch } = useQuery(burnUpQuery(campaign.id));
  const series = useMemo(() => data && burnUpSeries(data, campaign.waves), [data, campaign.waves]);
  const { total, installed, exited } = tally(campaign.counters, campaign.members);
  const ahead = useAhead(campaign, series, total);
  const planned = usePlanned(campaign, series, total);
  const search = useSearch({ from: "/signed-in/campaigns/$id" });
  const navigate = useNavigate({ from: "/campaigns/$id" });
  const choose = useCallback(
    (time: number) => {
      const slice = data && sliceAt(data, time);
      if (slice) void navigate({ search: (before) => ({ ...before, ...slice }), hash: "vehicles", replace: true });
    },
    [data, navigate],
  );
  const { since, until } = search;
  const slice = useMemo<Span | undefined>(
    () => (since === undefined || until === undefined ? undefined : { from: Date.parse(since) / 1000, to: Date.parse(until) / 1000 }),
    [since, until],
  );
  const spoken = t.burnUpSpoken(formatCount(installed), formatCount(exited), formatCount(total));
  return (
    <Panel title={t.burnUp} aside={series && <Legend series={series} ahead={ahead !== undefined} planned={planned} />}>
      {data === undefined && error !== null ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : data === undefined ? (
        <Skeleton h={260} />
      ) : series === undefined ? (
        <p className={classes.none}>{t.burnUpNone}</p>
      ) : (
        <>
          <div role="img" aria-label={spoken} className={classes.chart}>
            <Suspense fallback={<Skeleton h={260} />}>
              <Chart series={series} waves={campaign.waves} members={total} ahead={ahead} planned={planned} slice={slice} choose={choose} />
            </Suspense>
          </div>
          <p className={classes.none}>
            {planned.course && `${byPlan(planned.course, series, total)} `}
            {text().watch.slice}
          </p>
        </>
      )}
    </Panel>
  );
}

/** How far the plan is by the last of what is known, beside how far the campaign is. */
function byPlan(course: Course, series: Series, total: number): string {
  const to = series.times.at(-1) ?? 0;
  return text().watch.plannedByNow(formatCount(plannedBy(course, to, total)), formatCount(endedBy(series, to)));
}

/** What is forecast from where it stands, while it runs. */
function useAhead(campaign: Campaign, series: Series | undefined, total: number): Course | undefined {
  const { data: foretold } = useQuery({ ...forecastQuery(campaign.id), enabled: isUnderWay(campaign) });
  const forecast = campaign.state === "running" ? foretold?.forecast : undefined;
  const from = forecast == null ? 0 : Date.parse(forecast.from) / 1000;
  const ended = series === undefined || total === 0 ? undefined : endedBy(series, from) / total;
  return useMemo(() => (forecast == null || ended === undefined ? undefined : courseOf(forecast, ended)), [forecast, ended]);
}

/** The plan that the actual course is held against: the first forecast's, or where only that was kept, its end. */
function usePlanned(campaign: Campaign, series: Series | undefined, total: number): Planned {
  const { data } = useQuery({ ...forecastsQuery(campaign.id), enabled: campaign.started_at != null });
  const plan = data?.planned;
  const from = plan == null ? 0 : Date.parse(plan.from) / 1000;
  const ended = series === undefined || total === 0 ? undefined : endedBy(series, from) / total;
  const first = data?.items.findLast((one) => one.finish !== null)?.finish;
  return useMemo(() => {
    const course = plan == null || ended === undefined ? undefined : courseOf(plan, ended);
    if (course !== undefined || first == null) return { course };
    return { end: { from: Date.parse(first.p10_at) / 1000, to: Date.parse(first.p90_at) / 1000 } };
  }, [plan, ended, first]);
}

function Legend({ series, ahead, planned }: { series: Series; ahead: boolean; planned: Planned }) {
  const t = text().campaign;
  return (
    <ChartLegend
      parts={[
        { label: stateLabel("installed"), color: "--state-installed" },
        ...series.exits.map(({ state }) => ({ label: stateLabel(state), color: `--state-${state.replace("_", "-")}` })),
        { label: t.openTo, color: "--otaru-quiet", as: "dashes" },
        { label: text().watch.gates, color: "--otaru-lamp", as: "dashes" },
        ...(ahead ? [{ label: text().forecast.band, color: "--otaru-water", as: "area" } as const] : []),
        ...(planned.course ? [{ label: text().watch.plannedCourse, color: "--otaru-quiet", as: "area" } as const] : []),
        ...(planned.end ? [{ label: text().watch.planned, color: "--otaru-quiet", as: "area" } as const] : []),
      ]}
    />
  );
}
