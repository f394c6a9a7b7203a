import { Tooltip } from "@mantine/core";
import { formatAbsolute, formatClock } from "../format/time";
import { text } from "../i18n";
import { useLiveStatus } from "../live/status";
import classes from "./LiveIndicator.module.css";

/** Whether the page moves with the fleet, and since when not. */
export function LiveIndicator() {
  const status = useLiveStatus();
  const since = status.state === "stale" ? status.since : undefined;
  const t = text().live;
  const words = {
    connecting: t.connecting,
    live: t.live,
    stale: since === undefined ? t.notLive : t.stale(formatClock(since)),
  }[status.state];
  const meaning = {
    connecting: t.opening,
    live: t.moving,
    stale:
      since === undefined ? t.trying : t.asOf(formatAbsolute(since)),
  }[status.state];
  return (
    <Tooltip label={meaning} events={{ hover: true, focus: true, touch: true }} multiline maw={280} withArrow>
      <span className={classes.indicator} data-state={status.state} role="status">
        <span className={classes.dot} />
        {words}
      </span>
    </Tooltip>
  );
}
