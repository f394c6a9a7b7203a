import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Campaign, FunnelDrop } from "../../api/model";
import { dropsQuery } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { formatCount, formatPercent } from "../../format/number";
import { text } from "../../i18n";
import { said } from "../search";
import { countOf, funnel } from "../../rollout/progress";
import { EXITS, stateColor, stateLabel } from "../../rollout/states";
import classes from "./Funnel.module.css";

/** How far the vehicles have come, step by step, and where they left. */
export function Funnel({ campaign }: { campaign: Campaign }) {
  const { counters, members } = campaign;
  const { data } = useQuery({ ...dropsQuery(campaign.id), enabled: campaign.members != null });
  // A part of them says why, and not how many.
  const drops = data?.items ?? [];
  const steps = funnel(counters, members, data?.sampled === true ? [] : drops);
  const reasons = data?.sampled === true ? new Map(funnel(counters, members, drops).map((one) => [one.step, one.left])) : undefined;
  const total = steps[0]?.reached ?? 0;
  const exits = EXITS.filter((exit) => countOf(counters, exit) > 0);
  return (
    <Panel title={text().campaign.funnel}>
      <p className={classes.lead}>{text().campaign.funnelLead}</p>
      <ol className={classes.steps}>
        {steps.map(({ step, reached, here, left }) => (
          <li key={step} className={classes.step}>
            <span className={classes.name}>{step === "targeted" ? text().campaign.targeted : stateLabel(step)}</span>
            <span className={classes.track} aria-hidden="true">
              <span
                className={classes.fill}
                style={{
                  "--ratio": total === 0 ? 0 : reached / total,
                  "--fill": step === "targeted" ? "var(--state-assigned)" : stateColor(step),
                }}
              />
            </span>
            <span className={classes.count}>{formatCount(reached)}</span>
            <span className={classes.share}>{total === 0 ? "" : formatPercent(reached / total)}</span>
            <span className={classes.here}>{here > 0 && step !== "installed" ? text().campaign.here(formatCount(here)) : ""}</span>
            <Left campaign={campaign.id} drops={reasons?.get(step) ?? left} counted={reasons === undefined} />
          </li>
        ))}
      </ol>
      {exits.length > 0 && (
        <ul className={classes.exits} aria-label={text().campaign.left}>
          {exits.map((exit) => (
            <li key={exit}>
              <span className={classes.swatch} style={{ "--fill": stateColor(exit) }} />
              {stateLabel(exit)} <strong>{formatCount(countOf(counters, exit))}</strong>
            </li>
          ))}
        </ul>
      )}
      {data?.sampled === true && <p className={classes.lead}>{text().watch.leftSampled}</p>}
    </Panel>
  );
}

interface LeftProps {
  campaign: number;
  drops: readonly FunnelDrop[];
  counted: boolean;
}

/** More reasons than this are noise beside a step. */
const REASONS = 4;

/** Who left behind a step and why, each the way to those vehicles. */
function Left({ campaign, drops, counted }: LeftProps) {
  if (drops.length === 0) return null;
  return (
    <span className={classes.left}>
      {drops.slice(0, REASONS).map((drop) => {
        const code = drop.error_code ?? undefined;
        const how = [stateLabel(drop.state).toLowerCase(), ...(code === undefined ? [] : [code])].join(": ");
        return (
          <Link
            key={`${drop.state} ${code ?? ""}`}
            to="/campaigns/$id"
            params={{ id: campaign }}
            search={said({ state: drop.state, error_code: code })}
            hash="vehicles"
          >
            {counted ? text().watch.leftHere(formatCount(drop.vehicles), how) : how}
          </Link>
        );
      })}
      {drops.length > REASONS && "…"}
    </span>
  );
}
