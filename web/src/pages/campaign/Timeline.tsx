import { Button } from "@mantine/core";
import { useState } from "react";
import type { LiveEvent } from "../../api/model";
import { Panel } from "../../components/Panel";
import { When } from "../../components/When";
import { formatCount } from "../../format/number";
import { eventLine } from "../../rollout/wording";
import classes from "./Timeline.module.css";

const FIRST_SHOWN = 12;

/** Every event of the campaign and who caused it, the latest first. */
export function Timeline({ events }: { events: readonly LiveEvent[] }) {
  const [all, setAll] = useState(false);
  const latest = [...events].reverse();
  const shown = all ? latest : latest.slice(0, FIRST_SHOWN);
  return (
    <Panel title="Timeline">
      {shown.length === 0 ? (
        <p className={classes.empty}>No events yet.</p>
      ) : (
        <ol className={classes.timeline}>
          {shown.map((event) => (
            <Line key={event.id} event={event} />
          ))}
        </ol>
      )}
      {shown.length < latest.length && (
        <Button
          variant="subtle"
          size="xs"
          onClick={() => {
            setAll(true);
          }}
        >
          Show {formatCount(latest.length - shown.length)} earlier
        </Button>
      )}
    </Panel>
  );
}

function Line({ event }: { event: LiveEvent }) {
  const { text, tone } = eventLine(event);
  return (
    <li className={classes.event} data-tone={tone}>
      <span className={classes.text}>{text}</span>
      <span className={classes.meta}>
        <When at={event.at} /> · {event.actor}
      </span>
    </li>
  );
}
