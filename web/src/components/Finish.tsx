import { Skeleton, Stack } from "@mantine/core";
import { lazy, Suspense } from "react";
import type { FinishBand, Forecast } from "../api/model";
import { formatPercent } from "../format/number";
import { formatApart, formatRelative } from "../format/time";
import { text } from "../i18n";
import { courseOf, horizonOf, outlook } from "../rollout/foresight";
import { outlookSentence } from "../rollout/foretelling";
import { ChartLegend } from "./ChartLegend";
import { Figure, Figures } from "./Figure";
import classes from "./Chart.module.css";
import { cell, Table } from "./Table";
import { useNow } from "./useNow";

const Chart = lazy(async () => ({ default: (await import("./charts/CourseChart")).CourseChart }));

interface FinishProps {
  forecast: Forecast;
  /** The share of its vehicles that is at an end already. */
  ended: number;
  deadline: string;
}

/** When a campaign ends: in words, in numbers, drawn, and as a table of how far it is by when. */
export function Finish({ forecast, ended, deadline }: FinishProps) {
  const t = text().forecast;
  const now = useNow();
  const course = courseOf(forecast, ended);
  const { finish } = forecast;
  const drawn = course !== undefined && finish !== null && Date.parse(finish.p10_at) / 1000 <= horizonOf(course, finish);
  const said = outlookSentence(outlook(forecast), deadline, now);
  return (
    <Stack gap="md">
      <p className={classes.lead}>{said}</p>
      <Numbers forecast={forecast} now={now} />
      {course && (
        <div>
          <ChartLegend
            parts={[
              { label: `${t.share}: ${t.legendMiddle}`, color: "--otaru-water" },
              { label: t.legendBand, color: "--otaru-water", as: "area" },
              ...(drawn ? [{ label: `${t.all}: ${t.legendBand}`, color: "--state-installed", as: "area" } as const] : []),
            ]}
          />
          <div role="img" aria-label={t.chartSpoken(said)} className={classes.chart}>
            <Suspense fallback={<Skeleton h={220} />}>
              <Chart course={course} finish={finish} />
            </Suspense>
          </div>
        </div>
      )}
      <Milestones forecast={forecast} ended={ended} now={now} />
    </Stack>
  );
}

/** The latest of what is told, in milliseconds since 1970. */
function endOf({ from, finish, milestones }: Forecast): number {
  const bands = [finish, ...milestones.map(({ band }) => band)];
  return Math.max(...bands.map((band) => Date.parse(band?.p90_at ?? from)));
}

function Numbers({ forecast, now }: { forecast: Forecast; now: number }) {
  const t = text();
  const { finish } = forecast;
  const relative = (at: string) => formatRelative(Date.parse(at), now);
  const format = formatApart(endOf(forecast) - now, now);
  const moment = (at: string) => format(Date.parse(at));
  return (
    <Figures>
      {finish && (
        <>
          <Figure label={t.forecast.middle} value={relative(finish.p50_at)} detail={moment(finish.p50_at)} />
          <Figure label={t.forecast.most} value={relative(finish.p90_at)} detail={moment(finish.p90_at)} />
        </>
      )}
      <Figure label={t.rehearsal.late} value={formatPercent(forecast.late_ratio)} detail={t.rehearsal.lateDetail} />
      <Figure label={t.rehearsal.falseHalt} value={formatPercent(forecast.false_halt_ratio)} detail={t.rehearsal.falseHaltDetail} />
    </Figures>
  );
}

function Milestones({ forecast, ended, now }: { forecast: Forecast; ended: number; now: number }) {
  const t = text().forecast;
  const format = formatApart(endOf(forecast) - now, now);
  const open = forecast.milestones.filter(({ share }) => share > ended);
  return (
    <Table
      label={t.share}
      minWidth={30}
      head={
        <>
          <th>{t.share}</th>
          <th>{t.soon}</th>
          <th>{t.median}</th>
          <th>{t.late}</th>
          <th className={cell.number}>{t.missed}</th>
        </>
      }
    >
      {open.map(({ share, band, missed_ratio }) => (
        <tr key={share}>
          <th scope="row">{formatPercent(share)}</th>
          <Times band={band} format={format} />
          <td className={cell.number}>{missed_ratio === 0 ? "–" : t.missedRuns(formatPercent(missed_ratio))}</td>
        </tr>
      ))}
      <tr>
        <th scope="row">{t.all}</th>
        <Times band={forecast.finish} format={format} />
        <td className={cell.number}>
          {forecast.false_halt_ratio === 0 ? "–" : t.missedRuns(formatPercent(forecast.false_halt_ratio))}
        </td>
      </tr>
    </Table>
  );
}

function Times({ band, format }: { band: FinishBand | null; format: (at: number) => string }) {
  const times = band === null ? [undefined, undefined, undefined] : [band.p10_at, band.p50_at, band.p90_at];
  return times.map((at, index) => (
    <td key={index} className={cell.time}>
      {at === undefined ? "–" : format(Date.parse(at))}
    </td>
  ));
}
