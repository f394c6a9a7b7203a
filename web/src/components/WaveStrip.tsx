import { Link } from "@tanstack/react-router";
import type { Campaign, Wave } from "../api/model";
import { formatCount, formatPercent } from "../format/number";
import { text } from "../i18n";
import { countOf, wavesAtWork, waveStage, type WaveStage } from "../rollout/progress";
import { AlertIcon, CheckIcon, LockIcon } from "./icons";
import { StateBar } from "./StateBar";
import { When } from "./When";
import classes from "./WaveStrip.module.css";

/** As many waves as fit in a row. */
const SHOWN = 4;

/** A campaign's waves at a glance: how far each is, and what opens the next. */
export function WaveStrip({ campaign }: { campaign: Campaign }) {
  const shown = wavesAtWork(campaign.waves, SHOWN);
  const hidden = campaign.waves.length - shown.length;
  return (
    <div>
      <ol className={classes.strip}>
        {shown.map((wave) => (
          <WaveStep key={wave.number} wave={wave} last={wave.number === campaign.waves.length} />
        ))}
      </ol>
      {hidden > 0 && (
        <Link to="/campaigns/$id" params={{ id: campaign.id }} search={{}} className={classes.more}>
          {text().campaign.allWaves(formatCount(campaign.waves.length))}
        </Link>
      )}
    </div>
  );
}

function WaveStep({ wave, last }: { wave: Wave; last: boolean }) {
  const stage = waveStage(wave, last);
  return (
    <li className={classes.wave} data-stage={stage}>
      <div className={classes.head}>
        <span className={classes.name}>
          <StageIcon stage={stage} /> {text().campaign.waveOpens(wave.number)}
        </span>
        <span className={classes.share}>
          {[wave.size == null ? [] : formatCount(wave.size), wave.share_ratio == null ? [] : formatPercent(wave.share_ratio)].flat().join(" · ")}
        </span>
      </div>
      <StateBar
        thin
        label={text().campaign.waveOpens(wave.number)}
        counters={wave.counters}
        members={wave.size}
        gate={last ? undefined : wave.gate_installed_ratio}
      />
      <div className={classes.foot}>
        {wave.opened_at == null ? (
          <span>{text().campaign.notOpen}</span>
        ) : (
          <span>
            {text().campaign.openedFor(formatCount(countOf(wave.counters, "installed")))} <When at={wave.opened_at} />
          </span>
        )}
      </div>
    </li>
  );
}

export function StageIcon({ stage }: { stage: WaveStage }) {
  if (stage === "closed") return <LockIcon size={13} />;
  if (stage === "open") return <span className={classes.openDot} />;
  if (stage === "missed") return <AlertIcon size={13} />;
  return <CheckIcon size={13} />;
}
