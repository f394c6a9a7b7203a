import type { Wave } from "../../api/model";
import { CheckIcon, HourglassIcon } from "../../components/icons";
import { useNow } from "../../components/useNow";
import { formatCount, formatPercent, formatSeconds } from "../../format/number";
import { formatMoment } from "../../format/time";
import { text } from "../../i18n";
import { gateReadings, type GateReading } from "../../rollout/gates";
import { gateRoom } from "../../rollout/progress";
import { cell } from "../../components/Table";
import classes from "./Waves.module.css";

/** Each part of the gate behind a wave: its value, its threshold, over how many, and what is left before it misses. */
export function GateReadings({ wave }: { wave: Wave }) {
  const readings = gateReadings(wave);
  if (readings.length === 0) return <span className={cell.quiet}>{text().campaign.noGate}</span>;
  return (
    <ul className={classes.readings}>
      {readings.map((reading) => (
        <Reading key={reading.part} reading={reading} wave={wave} />
      ))}
    </ul>
  );
}

function Reading({ reading, wave }: { reading: GateReading; wave: Wave }) {
  const t = text().watch;
  const { part, threshold, value, sample, holds } = reading;
  const words =
    part === "approval"
      ? t.gateParts.approval
      : part === "soak"
        ? `${t.gateParts.soak} ${formatSeconds(threshold ?? 0)}`
        : `${value === undefined ? formatPercent(threshold ?? 0) : t.valueOf(formatPercent(value), formatPercent(threshold ?? 0))} ${t.gateParts[part]}`;
  return (
    <li data-holds={holds}>
      {holds !== undefined && (
        <span role="img" aria-label={holds ? t.holds : t.waits} className={classes.mark}>
          {holds ? <CheckIcon size={13} /> : <HourglassIcon size={13} />}
        </span>
      )}
      <span>
        {words}
        <Beside part={part} sample={sample} holds={holds} wave={wave} />
      </span>
    </li>
  );
}

interface BesideProps {
  part: GateReading["part"];
  sample: number | undefined;
  holds: boolean | undefined;
  wave: Wave;
}

/** The size of the sample, how far it is from missing, until when, by whom. */
function Beside({ part, sample, holds, wave }: BesideProps) {
  const t = text().watch;
  const now = useNow();
  const room = gateRoom(wave);
  const { unmet } = wave.gate_state;
  const said = [
    sample !== undefined && (sample === 0 ? t.nobodyTold : t.sample(formatCount(sample))),
    part === "installed" && holds === false && room !== undefined && room >= 0 && text().campaign.gateRoom(formatCount(room + 1)),
    part === "soak" && unmet?.wants === "soak" && t.untilAt(formatMoment(Date.parse(unmet.until), now)),
    part === "approval" && wave.approved_by != null && text().campaign.approvedBy(wave.approved_by),
  ].filter((one) => one !== false);
  return said.length === 0 ? null : <small>{said.join(" · ")}</small>;
}
