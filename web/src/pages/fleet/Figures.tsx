import type { ReactNode } from "react";
import type { Fleet } from "../../api/model";
import { formatCount, formatSeconds, plural } from "../../format/number";
import classes from "./Fleet.module.css";

/** Acks wait a moment in the stream even when all is well; from here on the counts are visibly old. */
const LAG_WORTH_A_WORD_SECS = 10;

/** The figures an admin looks at first. */
export function Figures({ fleet }: { fleet: Fleet }) {
  const inState = (...states: string[]) => states.reduce((sum, state) => sum + (fleet.campaigns[state] ?? 0), 0);
  const waiting = [
    [inState("halted"), "halted"],
    [inState("in_review"), "in review"],
    [inState("paused"), "paused"],
  ] as const;
  const needy = waiting.filter(([count]) => count > 0).map(([count, state]) => `${formatCount(count)} ${state}`);
  return (
    <div className={classes.figures}>
      <Figure label="Vehicles" value={formatCount(fleet.vehicles)}>
        {plural(fleet.models.length, "model")}
      </Figure>
      <Figure
        label="Campaigns under way"
        value={formatCount(inState("running", "paused", "halted"))}
        urgent={inState("halted") > 0}
      >
        {needy.length > 0 ? needy.join(", ") : `${formatCount(inState("completed"))} completed`}
      </Figure>
      <Figure label="Dead letters" value={formatCount(fleet.dead_letters)} urgent={fleet.dead_letters > 0}>
        {fleet.dead_letters > 0 ? "Messages that could not be applied" : "Every message was applied"}
      </Figure>
      <Lag ingest={fleet.ingest} />
    </div>
  );
}

function Lag({ ingest }: { ingest: Fleet["ingest"] }) {
  const { lag_messages: messages, lag_seconds: seconds } = ingest;
  if (messages == null && seconds == null) {
    return (
      <Figure label="Ingest lag" value="–">
        Vehicle-state has not reported yet
      </Figure>
    );
  }
  const late = (seconds ?? 0) >= LAG_WORTH_A_WORD_SECS;
  const queue = messages == null ? "" : `${plural(messages, "ack")} to apply`;
  return (
    <Figure label="Ingest lag" value={seconds == null ? formatCount(messages ?? 0) : formatSeconds(seconds)} urgent={late}>
      {late ? `Counts are behind: ${queue}` : messages === 0 ? "Every ack is counted" : queue}
    </Figure>
  );
}

interface FigureProps {
  label: string;
  value: string;
  urgent?: boolean;
  children: ReactNode;
}

function Figure({ label, value, urgent = false, children }: FigureProps) {
  return (
    <dl className={classes.figure} data-urgent={urgent}>
      <dt>{label}</dt>
      <dd className={classes.value}>{value}</dd>
      <dd className={classes.remark}>{children}</dd>
    </dl>
  );
}
