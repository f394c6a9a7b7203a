import type { Wave } from "../../api/model";
import { Panel } from "../../components/Panel";
import { StateBar } from "../../components/StateBar";
import { StageIcon } from "../../components/WaveStrip";
import { When } from "../../components/When";
import { formatCount, formatPercent } from "../../format/number";
import { countOf, gateNeeds, tally, waveStage, type WaveStage } from "../../rollout/progress";
import classes from "./Waves.module.css";

const STAGES: Record<WaveStage, string> = {
  closed: "Not open",
  open: "Open",
  held: "Gate holds",
  finished: "Finished",
  missed: "Gate missed",
};

/** The rollout plan with its gates: what each wave needs and what it has. */
export function Waves({ waves }: { waves: readonly Wave[] }) {
  return (
    <Panel title="Waves">
      <div className={classes.scroll} tabIndex={0} role="group" aria-label="Waves, scrolls sideways">
        <table className={classes.table}>
          <thead>
            <tr>
              <th>Wave</th>
              <th className={classes.progress}>Progress</th>
              <th className={classes.number}>Vehicles</th>
              <th>Opened</th>
              <th className={classes.number}>Installed</th>
              <th className={classes.number}>Did not install</th>
              <th>Gate to the next</th>
            </tr>
          </thead>
          <tbody>
            {waves.map((wave) => (
              <WaveRow key={wave.number} wave={wave} last={wave.number === waves.length} />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function WaveRow({ wave, last }: { wave: Wave; last: boolean }) {
  const stage = waveStage(wave, last);
  const { exited } = tally(wave.counters, wave.size);
  return (
    <tr>
      <th scope="row" className={classes.wave} data-stage={stage}>
        <span>
          <StageIcon stage={stage} /> {wave.number}
        </span>
        <small>{STAGES[stage]}</small>
      </th>
      <td>
        <StateBar
          thin
          label={`Wave ${wave.number}`}
          counters={wave.counters}
          members={wave.size}
          gate={last ? undefined : wave.gate_installed_ratio}
        />
      </td>
      <td className={classes.number}>
        {wave.size == null ? "–" : formatCount(wave.size)}
        <small>{formatPercent(wave.share_ratio)}</small>
      </td>
      <td className={classes.time}>{wave.opened_at == null ? "–" : <When at={wave.opened_at} />}</td>
      <td className={classes.number}>{formatCount(countOf(wave.counters, "installed"))}</td>
      <td className={classes.number}>{formatCount(exited)}</td>
      <td className={classes.time}>{last ? <span className={classes.quiet}>Last wave</span> : <Gate wave={wave} />}</td>
    </tr>
  );
}

function Gate({ wave }: { wave: Wave }) {
  const needed = gateNeeds(wave);
  return (
    <>
      {formatPercent(wave.gate_installed_ratio)} installed
      {needed !== undefined && (
        <small>
          {formatCount(countOf(wave.counters, "installed"))} of {formatCount(needed)}
        </small>
      )}
    </>
  );
}
