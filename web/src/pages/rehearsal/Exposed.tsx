import type { Rehearsal } from "../../api/model";
import { Panel } from "../../components/Panel";
import { cell, Table } from "../../components/Table";
import { formatCount, formatPercent, formatSeconds } from "../../format/number";
import { text } from "../../i18n";
import classes from "./Rehearsal.module.css";

/** Whom a bad release reaches before the campaign halts. */
export function Exposed({ rehearsal }: { rehearsal: Rehearsal }) {
  const t = text().rehearsal;
  const { exposure, vehicles } = rehearsal;
  const { exposed, failed, halted_after_secs: after } = exposure;
  const rows = [
    [t.exposed, exposed],
    [t.failed, failed],
  ] as const;
  const halts = after === null ? t.badNeverHalts : t.badHalts(formatPercent(exposure.halted_ratio), formatSeconds(after));
  return (
    <Panel title={t.bad}>
      <p className={classes.lead}>
        {t.badLead(formatPercent(exposure.failure_ratio))} {halts}
      </p>
      <Table
        label={t.bad}
        minWidth={24}
        head={
          <>
            <th>{t.count}</th>
            <th className={cell.number}>{t.few}</th>
            <th className={cell.number}>{t.middle}</th>
            <th className={cell.number}>{t.many}</th>
          </>
        }
      >
        {rows.map(([label, spread]) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            {[spread.p10, spread.p50, spread.p90].map((count, index) => (
              <td key={index} className={cell.number}>
                {formatCount(count)}
                <small>{formatPercent(vehicles === 0 ? 0 : count / vehicles)}</small>
              </td>
            ))}
          </tr>
        ))}
      </Table>
    </Panel>
  );
}
