import type { ReactNode } from "react";
import type { Fleet } from "../../api/model";
import { When } from "../../components/When";
import { formatCount, formatPercent, formatSeconds, plural } from "../../format/number";
import { text } from "../../i18n";
import classes from "./Fleet.module.css";

/** Acks wait a moment in the stream even when all is well; from here on the counts are visibly old. */
const LAG_WORTH_A_WORD_SECS = 10;

/** The figures an admin looks at first. */
export function Figures({ fleet }: { fleet: Fleet }) {
  const inState = (...states: string[]) => states.reduce((sum, state) => sum + (fleet.campaigns[state] ?? 0), 0);
  const waiting = [
    [inState("halted"), text().campaignStates.halted],
    [inState("in_review"), text().campaignStates.in_review],
    [inState("paused"), text().campaignStates.paused],
  ] as const;
  const needy = waiting.filter(([count]) => count > 0).map(([count, state]) => `${formatCount(count)} ${state.toLowerCase()}`);
  return (
    <div className={classes.figures}>
      <Figure label={text().common.vehicles} value={formatCount(fleet.vehicles)}>
        {plural(fleet.models.length, text().count.model)}
      </Figure>
      <Figure label={text().fleet.online} value={fleet.online_as_of == null ? "–" : formatCount(fleet.online)}>
        {fleet.online_as_of == null ? (
          text().fleet.onlineNone
        ) : (
          <>
            {text().fleet.onlineOf(formatPercent(fleet.vehicles === 0 ? 0 : fleet.online / fleet.vehicles))} <When at={fleet.online_as_of} />
          </>
        )}
      </Figure>
      <Figure
        label={text().fleet.campaignsUnderWay}
        value={formatCount(inState("running", "paused", "halted"))}
        urgent={inState("halted") > 0}
      >
        {needy.length > 0 ? needy.join(", ") : text().fleet.completed(formatCount(inState("completed")))}
      </Figure>
      <Figure label={text().fleet.deadLetters} value={formatCount(fleet.dead_letters)} urgent={fleet.dead_letters > 0}>
        {fleet.dead_letters > 0 ? text().fleet.deadLettersSome : text().fleet.deadLettersNone}
      </Figure>
      <Lag ingest={fleet.ingest} />
    </div>
  );
}

function Lag({ ingest }: { ingest: Fleet["ingest"] }) {
  const { lag_messages: messages, lag_seconds: seconds } = ingest;
  if (messages == null && seconds == null) {
    return (
      <Figure label={text().fleet.lag} value="–">
        {text().fleet.lagUnknown}
      </Figure>
    );
  }
  const late = (seconds ?? 0) >= LAG_WORTH_A_WORD_SECS;
  const queue = messages == null ? "" : plural(messages, text().count.ack);
  return (
    <Figure label={text().fleet.lag} value={seconds == null ? formatCount(messages ?? 0) : formatSeconds(seconds)} urgent={late}>
      {late ? text().fleet.lagBehind(queue) : messages === 0 ? text().fleet.lagNone : queue}
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
