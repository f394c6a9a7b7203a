import { Tooltip } from "@mantine/core";
import { formatAbsolute, formatClock } from "../format/time";
import { useLiveStatus } from "../live/status";
import classes from "./LiveIndicator.module.css";

/** Whether the page moves with the fleet, and since when not. */
export function LiveIndicator() {
  const status = useLiveStatus();
  const since = status.state === "stale" ? status.since : undefined;
  const words = {
    connecting: "Connecting…",
    live: "Live",
    stale: since === undefined ? "Not live" : `Stale since ${formatClock(since)}`,
  }[status.state];
  const meaning = {
    connecting: "Opening the live stream.",
    live: "Counts move as vehicles report.",
    stale:
      since === undefined
        ? "The server does not answer; trying again."
        : `What you see is as of ${formatAbsolute(since)}. Trying to reconnect.`,
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
