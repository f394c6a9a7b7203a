import { Button } from "@mantine/core";
import { useState } from "react";
import type { LiveEvent } from "../../api/model";
import { Panel } from "../../components/Panel";
import { When } from "../../components/When";
import { formatCount } from "../../format/number";
import { text } from "../../i18n";
import { eventLine, told } from "../../rollout/wording";
import classes from "./Timeline.module.css";

const FIRST_SHOWN = 12;

/** Every event of the campaign and who caused it, the latest first. */
export function Timeline({ events }: { events: readonly LiveEvent[] }) {
  const [all, setAll] = useState(false);
  const latest = told(events).reverse();
  const shown = all ? latest : latest.slice(0, FIRST_SHOWN);
  return (
    <Panel title={text().campaign.timeline}>
      {shown.length === 0 ? (
        <p className={classes.empty}>{text().campaign.noEvents}</p>
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
          {text().campaign.earlier(formatCount(latest.length - shown.length))}
        </Button>
      )}
    </Panel>
  );
}

function Line({ event }: { event: LiveEvent }) {
  const line = eventLine(event);
  return (
    <li className={classes.event} data-tone={line.tone}>
      <span className={classes.text}>{line.text}</span>
      {line.reason !== undefined && <span className={classes.reason}>{text().campaign.because(line.reason)}</span>}
      <span className={classes.meta}>
        <When at={event.at} /> · {event.actor}
      </span>
    </li>
  );
}
