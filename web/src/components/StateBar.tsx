import { Tooltip } from "@mantine/core";
import type { Counters } from "../api/model";
import { formatCount, formatPercent } from "../format/number";
import { text } from "../i18n";
import { segments, tally } from "../rollout/progress";
import { stateColor, stateLabel } from "../rollout/states";
import classes from "./StateBar.module.css";

interface StateBarProps {
  /** What the bar is about, for screen readers. */
  label: string;
  counters: Counters;
  /** All that the bar's length stands for. */
  members: number | null | undefined;
  thin?: boolean;
  /** Where `installed` must reach for the next wave to open, 0 to 1. */
  gate?: number | undefined;
}

/** Vehicles by state, what is finished on the left. */
export function StateBar({ label, counters, members, thin = false, gate }: StateBarProps) {
  const parts = segments(counters, members);
  const { total } = tally(counters, members);
  const spoken = parts.map(({ state, count }) => `${stateLabel(state)} ${formatCount(count)}`).join(", ");
  return (
    <div className={classes.frame} data-thin={thin}>
      <div className={classes.bar} role="img" aria-label={`${label}: ${spoken === "" ? text().common.none : spoken}`}>
        {parts.map(({ state, count }) => (
          <Tooltip
            key={state}
            label={`${stateLabel(state)}: ${formatCount(count)} (${formatPercent(count / total)})`}
            events={{ hover: true, focus: false, touch: true }}
            withArrow
          >
            <span
              className={classes.part}
              data-state={state}
              style={{ "--part": count, "--part-color": stateColor(state) }}
            />
          </Tooltip>
        ))}
      </div>
      {gate !== undefined && gate > 0 && <span className={classes.gate} style={{ "--gate": gate }} />}
    </div>
  );
}

/** The bar's colours with their counts. */
export function StateLegend({ counters, members }: Pick<StateBarProps, "counters" | "members">) {
  const parts = segments(counters, members);
  if (parts.length === 0) return null;
  return (
    <ul className={classes.legend}>
      {parts.map(({ state, count }) => (
        <li key={state}>
          <span className={classes.swatch} data-state={state} style={{ "--part-color": stateColor(state) }} />
          {stateLabel(state)} <strong className="tabular">{formatCount(count)}</strong>
        </li>
      ))}
    </ul>
  );
}
