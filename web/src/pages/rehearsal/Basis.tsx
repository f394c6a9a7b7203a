import type { Rehearsal } from "../../api/model";
import { Fact, Facts } from "../../components/Facts";
import { Panel } from "../../components/Panel";
import { useNow } from "../../components/useNow";
import { formatCount } from "../../format/number";
import { formatMoment } from "../../format/time";
import { text } from "../../i18n";
import { sourceSentence } from "../../rollout/foretelling";
import classes from "./Rehearsal.module.css";

/** What the answer is drawn from, what it takes for granted, and what gives it again. */
export function Basis({ rehearsal }: { rehearsal: Rehearsal }) {
  const t = text().rehearsal;
  const now = useNow();
  return (
    <Panel title={t.basis}>
      <Facts>
        <Fact term={t.behaviour}>{sourceSentence(rehearsal.measured_from, "long")}</Fact>
        <Fact term={t.assumptions}>
          <ul className={classes.assumptions}>
            {t.assumed.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </Fact>
        <Fact term={t.vehicles}>{formatCount(rehearsal.vehicles)}</Fact>
        <Fact term={t.runs}>{formatCount(rehearsal.runs)}</Fact>
        <Fact term={t.seedUsed}>{String(rehearsal.seed)}</Fact>
        <Fact term={t.from}>{formatMoment(Date.parse(rehearsal.from), now)}</Fact>
      </Facts>
    </Panel>
  );
}
