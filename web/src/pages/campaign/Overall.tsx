import { Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Campaign } from "../../api/model";
import { burnUpQuery } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { StateBar, StateLegend } from "../../components/StateBar";
import { useNow } from "../../components/useNow";
import { formatCount, formatPercent, plural } from "../../format/number";
import { formatMoment, formatRelative } from "../../format/time";
import { text } from "../../i18n";
import { expectedEnd } from "../../rollout/burnUp";
import { countOf, tally } from "../../rollout/progress";
import classes from "./Campaign.module.css";

/** How far the campaign is, and how many vehicles it has reached: what is at stake when it goes wrong. */
export function Overall({ campaign }: { campaign: Campaign }) {
  const t = text().campaign;
  const { total, finished, installed, exited, active, unassigned } = tally(campaign.counters, campaign.members);
  // Superseded and withdrawn vehicles did not install either, and nothing is wrong with them.
  const failed = countOf(campaign.counters, "failed") + countOf(campaign.counters, "rolled_back");
  return (
    <Panel title={t.progress} aside={<span className={classes.aside}>{plural(total, text().count.vehicle)}</span>}>
      {total === 0 ? (
        <p className={classes.quiet}>{t.counted}</p>
      ) : (
        <Stack gap="sm">
          <div className={classes.figures}>
            <Figure value={formatPercent(installed / total)} label={t.installed} detail={formatCount(installed)} />
            <Figure value={formatCount(active)} label={t.underWay} detail={t.ofTotal(formatPercent(active / total))} />
            <Figure
              value={formatCount(exited)}
              label={t.notInstalled}
              detail={finished === 0 ? "–" : t.ofFinished(formatPercent(exited / finished))}
              bad={failed > 0}
            />
            <Figure
              value={formatCount(total - unassigned)}
              label={t.exposed}
              detail={t.ofTotal(formatPercent((total - unassigned) / total))}
            />
            <Eta campaign={campaign} />
          </div>
          <StateBar label={t.progress} counters={campaign.counters} members={campaign.members} />
          <StateLegend counters={campaign.counters} members={campaign.members} />
        </Stack>
      )}
    </Panel>
  );
}

/** By the pace of late, while it runs and its last wave is open. */
function Eta({ campaign }: { campaign: Campaign }) {
  const now = useNow();
  const { data } = useQuery(burnUpQuery(campaign.id));
  const allOpen = campaign.waves.every((wave) => wave.opened_at != null);
  if (campaign.state !== "running" || !allOpen || data === undefined) return null;
  const end = expectedEnd(data, tally(campaign.counters, campaign.members).active, now);
  if (end === undefined) return null;
  return <Figure value={formatRelative(end, now)} label={text().campaign.eta} detail={formatMoment(end, now)} />;
}

interface FigureProps {
  value: string;
  label: string;
  detail: string;
  bad?: boolean;
}

function Figure({ value, label, detail, bad = false }: FigureProps) {
  return (
    <div className={classes.figure} data-bad={bad}>
      <span>{label}</span>
      <strong>{value}</strong>
      <small>{detail}</small>
    </div>
  );
}
