import type { Wave } from "../../api/model";
import { Panel } from "../../components/Panel";
import { StateBar } from "../../components/StateBar";
import { cell, Table } from "../../components/Table";
import { StageIcon } from "../../components/WaveStrip";
import { When } from "../../components/When";
import { formatCount, formatPercent } from "../../format/number";
import { text } from "../../i18n";
import { countOf, tally, waveStage } from "../../rollout/progress";
import { GateReadings } from "./GateReadings";
import classes from "./Waves.module.css";

/** The rollout plan with its gates: what each wave needs and what it has. */
export function Waves({ waves }: { waves: readonly Wave[] }) {
  const t = text().campaign;
  return (
    <Panel title={t.waves}>
      <Table
        label={t.waves}
        minWidth={54}
        head={
          <>
            <th>{t.wave}</th>
            <th className={classes.progress}>{t.progress}</th>
            <th className={cell.number}>{t.vehicles}</th>
            <th>{t.opened}</th>
            <th className={cell.number}>{text().states.installed}</th>
            <th className={cell.number}>{text().campaigns.failures}</th>
            <th>{t.gate}</th>
          </>
        }
      >
        {waves.map((wave) => (
          <WaveRow key={wave.number} wave={wave} last={wave.number === waves.length} />
        ))}
      </Table>
    </Panel>
  );
}

function WaveRow({ wave, last }: { wave: Wave; last: boolean }) {
  const t = text().campaign;
  const stage = waveStage(wave, last);
  const { exited } = tally(wave.counters, wave.size);
  return (
    <tr>
      <th scope="row" className={classes.wave} data-stage={stage}>
        <span>
          <StageIcon stage={stage} /> {wave.number}
        </span>
        <small>{t.stages[stage]}</small>
      </th>
      <td>
        <StateBar
          thin
          label={t.waveOpens(wave.number)}
          counters={wave.counters}
          members={wave.size}
          gate={last ? undefined : wave.gate_installed_ratio}
        />
      </td>
      <td className={cell.number}>
        {wave.size == null ? "–" : formatCount(wave.size)}
        {wave.share_ratio != null && <small>{formatPercent(wave.share_ratio)}</small>}
      </td>
      <td className={cell.time}>{wave.opened_at == null ? "–" : <When at={wave.opened_at} />}</td>
      <td className={cell.number}>{formatCount(countOf(wave.counters, "installed"))}</td>
      <td className={cell.number}>
        {formatCount(exited)}
        {wave.halts_after_failures != null && wave.halts_after_failures > 0 && wave.opened_at != null && (
          <>
            <small className={classes.counts}>{text().watch.countsFailed(formatCount(wave.failed), formatCount(wave.finished))}</small>
            <small className={classes.halts}>{t.haltsAfter(formatCount(wave.halts_after_failures))}</small>
          </>
        )}
      </td>
      <td className={cell.time}>{last ? <span className={cell.quiet}>{t.lastWave}</span> : <GateReadings wave={wave} />}</td>
    </tr>
  );
}
