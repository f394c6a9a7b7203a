import { Skeleton } from "@mantine/core";
import { lazy, Suspense, useMemo } from "react";
import type { LoadSpan, Rehearsal } from "../../api/model";
import { ChartLegend } from "../../components/ChartLegend";
import { Panel } from "../../components/Panel";
import { useNow } from "../../components/useNow";
import { formatBytes, formatCount, formatRate, formatSeconds } from "../../format/number";
import { formatMoment } from "../../format/time";
import { text } from "../../i18n";
import { busiest } from "../../rollout/foresight";
import page from "../Page.module.css";
import classes from "./Rehearsal.module.css";

const Chart = lazy(async () => ({ default: (await import("../../components/charts/LoadChart")).LoadChart }));

/** What gateways and the CDN have to carry, hour by hour. */
export function Load({ rehearsal }: { rehearsal: Rehearsal }) {
  const t = text().rehearsal;
  const { load, load_span_secs: span } = rehearsal;
  if (load.length === 0) {
    return (
      <Panel title={t.load}>
        <p className={page.quiet}>{t.loadNone}</p>
      </Panel>
    );
  }
  const water = "--otaru-water";
  return (
    <Panel
      title={`${t.load} ${span === 3600 ? t.perHour : t.perSpan(formatSeconds(span))}`}
      aside={
        <ChartLegend
          parts={[
            { label: t.legendMiddle, color: water },
            { label: t.legendBusy, color: water, as: "area" },
          ]}
        />
      }
    >
      <div className={page.columns}>
        <Amounts title={t.requests} load={load} span={span} measure="requests" format={formatCount} color={water} />
        <Amounts title={t.bytes} load={load} span={span} measure="cdn_bytes" format={formatBytes} color="--state-downloaded" />
      </div>
      <p className={page.quiet}>{t.loadHint}</p>
    </Panel>
  );
}

interface AmountsProps {
  title: string;
  load: readonly LoadSpan[];
  /** In seconds. */
  span: number;
  measure: "requests" | "cdn_bytes";
  format: (amount: number) => string;
  color: string;
}

function Amounts({ title, load, span, measure, format, color }: AmountsProps) {
  const t = text().rehearsal;
  const now = useNow();
  const columns = useMemo(() => {
    const starts = load.map(({ at }) => Date.parse(at) / 1000);
    return {
      times: [...starts, (starts.at(-1) ?? 0) + span],
      middle: load.map((one) => one[`${measure}_p50`]),
      busy: load.map((one) => one[`${measure}_p90`]),
    };
  }, [load, span, measure]);
  const most = busiest(load, `${measure}_p90`);
  const amount = most?.[`${measure}_p90`] ?? 0;
  const perSecond = measure === "requests" ? formatRate(amount / span) : formatBytes(amount / span);
  const said = t.busiest(format(amount), t.perSecond(perSecond), formatMoment(Date.parse(most?.at ?? ""), now));
  return (
    <div className={classes.chart}>
      <h3>{title}</h3>
      <p className={page.quiet}>{said}</p>
      <div role="img" aria-label={`${title}. ${said}`}>
        <Suspense fallback={<Skeleton h={170} />}>
          <Chart {...columns} format={format} color={color} />
        </Suspense>
      </div>
    </div>
  );
}
