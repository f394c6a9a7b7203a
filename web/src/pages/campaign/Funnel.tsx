import type { Counters } from "../../api/model";
import { Panel } from "../../components/Panel";
import { formatCount, formatPercent } from "../../format/number";
import { text } from "../../i18n";
import { countOf, funnel } from "../../rollout/progress";
import { EXITS, stateColor, stateLabel } from "../../rollout/states";
import classes from "./Funnel.module.css";

interface FunnelProps {
  counters: Counters;
  members: number | null | undefined;
}

/** How far the vehicles have come, step by step, and where they left. */
export function Funnel({ counters, members }: FunnelProps) {
  const steps = funnel(counters, members);
  const total = steps[0]?.reached ?? 0;
  const exits = EXITS.filter((exit) => countOf(counters, exit) > 0);
  return (
    <Panel title={text().campaign.funnel}>
      <p className={classes.lead}>{text().campaign.funnelLead}</p>
      <ol className={classes.steps}>
        {steps.map(({ step, reached, here }) => (
          <li key={step} className={classes.step}>
            <span className={classes.name}>{step === "targeted" ? text().campaign.targeted : stateLabel(step)}</span>
            <span className={classes.track} aria-hidden="true">
              <span
                className={classes.fill}
                style={{
                  "--ratio": total === 0 ? 0 : reached / total,
                  "--fill": step === "targeted" ? "var(--state-assigned)" : stateColor(step),
                }}
              />
            </span>
            <span className={classes.count}>{formatCount(reached)}</span>
            <span className={classes.share}>{total === 0 ? "" : formatPercent(reached / total)}</span>
            <span className={classes.here}>{here > 0 && step !== "installed" ? text().campaign.here(formatCount(here)) : ""}</span>
          </li>
        ))}
      </ol>
      {exits.length > 0 && (
        <ul className={classes.exits} aria-label={text().campaign.left}>
          {exits.map((exit) => (
            <li key={exit}>
              <span className={classes.swatch} style={{ "--fill": stateColor(exit) }} />
              {stateLabel(exit)} <strong>{formatCount(countOf(counters, exit))}</strong>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
