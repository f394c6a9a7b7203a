import { Button, Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";
import { forecastsQuery } from "../../api/foresightQueries";
import type { Campaign, PastForecast, PastForecasts } from "../../api/model";
import { ChartLegend } from "../../components/ChartLegend";
import { CheckIcon, StopIcon } from "../../components/icons";
import { Panel } from "../../components/Panel";
import { Pending } from "../../components/Pending";
import { cell, Table } from "../../components/Table";
import { useNow } from "../../components/useNow";
import { formatCount, formatPercent, plural } from "../../format/number";
import { formatApart } from "../../format/time";
import { text } from "../../i18n";
import { scoreOf } from "../../rollout/foresight";
import { hasEnded } from "../../rollout/states";
import page from "../Page.module.css";
import classes from "./Past.module.css";

const Chart = lazy(async () => ({ default: (await import("../../components/charts/PastChart")).PastChart }));
/** So many are listed at first. */
const FIRST = 12;

/** What was forecast of the campaign while it ran, against what came. */
export function Past({ campaign }: { campaign: Campaign }) {
  const t = text().forecast;
  const { data, error, refetch } = useQuery(forecastsQuery(campaign.id));
  const none = hasEnded(campaign.state) ? t.neverForecast : t.pastNone;
  return (
    <Panel title={t.past} aside={<span className={page.quiet}>{t.pastLead}</span>}>
      {data === undefined ? (
        <Pending error={error} retry={() => void refetch()} />
      ) : data.items.length === 0 ? (
        <p className={page.quiet}>{none}</p>
      ) : (
        <Stack gap="md">
          <p className={classes.score}>{scoreSentence(data, campaign)}</p>
          <Drawn past={data} />
          <List items={data.items} />
        </Stack>
      )}
    </Panel>
  );
}

function scoreSentence(past: PastForecasts, campaign: Campaign): string {
  const t = text().forecast;
  const { judged, held } = scoreOf(past.items);
  if (past.covered_ratio === null) return campaign.state === "cancelled" ? t.notJudgedEver : t.notJudged;
  return t.score(formatPercent(past.covered_ratio), formatCount(held), formatCount(judged));
}

function Drawn({ past }: { past: PastForecasts }) {
  const t = text().forecast;
  const drawn = useMemo(() => past.items.filter(({ finish }) => finish !== null).reverse(), [past.items]);
  // A single moment makes no axis.
  if (drawn.length < 2) return null;
  const ended = past.completed_at;
  return (
    <div>
      <ChartLegend
        parts={[
          { label: t.expected, color: "--otaru-water" },
          { label: t.between, color: "--otaru-water", as: "area" },
          ...(ended === null ? [] : [{ label: t.ended, color: "--state-installed" }]),
        ]}
      />
      <div role="img" aria-label={t.pastSpoken(formatCount(drawn.length))}>
        <Suspense fallback={<Skeleton h={220} />}>
          <Chart items={drawn} ended={ended === null ? undefined : Date.parse(ended)} />
        </Suspense>
      </div>
    </div>
  );
}

function List({ items }: { items: readonly PastForecast[] }) {
  const t = text().forecast;
  const [all, setAll] = useState(false);
  const now = useNow();
  const made = formatApart(Date.parse(items[0]?.made_at ?? "") - Date.parse(items.at(-1)?.made_at ?? ""), now);
  const shown = all ? items : items.slice(0, FIRST);
  return (
    <>
      <Table
        label={t.past}
        minWidth={44}
        head={
          <>
            <th>{t.made}</th>
            <th>{t.between}</th>
            <th>{t.expected}</th>
            <th>{t.basedOn}</th>
            <th>{t.heldEnd}</th>
          </>
        }
      >
        {shown.map((one) => (
          <Row key={one.made_at} forecast={one} made={made} />
        ))}
      </Table>
      {items.length > shown.length && (
        <Button
          variant="default"
          size="xs"
          style={{ alignSelf: "center" }}
          onClick={() => {
            setAll(true);
          }}
        >
          {t.showAll(formatCount(items.length))}
        </Button>
      )}
    </>
  );
}

function Row({ forecast, made }: { forecast: PastForecast; made: (at: number) => string }) {
  const t = text().forecast;
  const now = useNow();
  const { made_at, finish, measured_from, covered } = forecast;
  const format = formatApart(Date.parse(finish?.p90_at ?? made_at) - Date.parse(made_at), now);
  const moment = (at: string) => format(Date.parse(at));
  return (
    <tr>
      <th scope="row" className={cell.time}>
        {made(Date.parse(made_at))}
      </th>
      <td className={cell.time}>{finish === null ? t.allHalted : `${moment(finish.p10_at)} – ${moment(finish.p90_at)}`}</td>
      <td className={cell.time}>{finish === null ? "–" : moment(finish.p50_at)}</td>
      <td>{measured_from === 0 ? t.onAssumption : plural(measured_from, text().count.vehicle)}</td>
      <td>
        {covered === null ? (
          "–"
        ) : (
          <span className={classes.verdict} data-held={covered}>
            {covered ? <CheckIcon size={14} /> : <StopIcon size={14} />}
            {covered ? t.held : t.missedEnd}
          </span>
        )}
      </td>
    </tr>
  );
}
