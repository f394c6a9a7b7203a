import { Stack } from "@mantine/core";
import type { Campaign } from "../../api/model";
import { Figure, Figures } from "../../components/Figure";
import { Panel } from "../../components/Panel";
import { StateBar, StateLegend } from "../../components/StateBar";
import { formatCount, formatPercent, plural } from "../../format/number";
import { text } from "../../i18n";
import { countOf, exposedOf, tally } from "../../rollout/progress";
import { paceSentence } from "../../rollout/wording";
import classes from "./Campaign.module.css";
import { Expectation, ExpectedEnd } from "./Expectation";

/** How far the campaign is, and how many vehicles it has reached: what is at stake when it goes wrong. */
export function Overall({ campaign }: { campaign: Campaign }) {
  const t = text().campaign;
  const { total, finished, installed, exited, active } = tally(campaign.counters, campaign.members);
  const exposed = exposedOf(campaign.counters, campaign.members);
  // Who waits for an offer has not begun.
  const underWay = active - countOf(campaign.counters, "assigned");
  // Superseded and withdrawn vehicles did not install either, and nothing is wrong with them.
  const failed = countOf(campaign.counters, "failed") + countOf(campaign.counters, "rolled_back");
  return (
    <Panel title={t.progress} aside={<span className={classes.aside}>{plural(total, text().count.vehicle)}</span>}>
      {total === 0 ? (
        <p className={classes.quiet}>{t.counted}</p>
      ) : (
        <Stack gap="sm">
          <Figures>
            <Figure value={formatPercent(installed / total)} label={t.installed} detail={formatCount(installed)} />
            <Figure value={formatCount(underWay)} label={t.underWay} detail={t.ofTotal(formatPercent(underWay / total))} />
            <Figure
              value={formatCount(exited)}
              label={t.notInstalled}
              detail={finished === 0 ? "–" : t.ofFinished(formatPercent(exited / finished))}
              bad={failed > 0}
            />
            <Figure
              value={formatCount(exposed)}
              label={t.exposed}
              detail={t.ofTotal(formatPercent(exposed / total))}
            />
            <ExpectedEnd campaign={campaign} />
          </Figures>
          <StateBar label={t.progress} counters={campaign.counters} members={campaign.members} />
          <StateLegend counters={campaign.counters} members={campaign.members} />
          {campaign.pace != null && <p className={classes.quiet}>{paceSentence(campaign.pace)}</p>}
          <Expectation campaign={campaign} />
        </Stack>
      )}
    </Panel>
  );
}
