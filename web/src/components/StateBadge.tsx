import type { CampaignState } from "../api/model";
import { campaignLook } from "../rollout/states";
import classes from "./StateBadge.module.css";

/** A campaign's state: a dot for the glance, the word for everybody. */
export function StateBadge({ state }: { state: CampaignState }) {
  const look = campaignLook(state);
  return <Badge label={look.label} color={look.color} pulsing={state === "running"} />;
}

export function Badge({ label, color, pulsing = false }: { label: string; color: string; pulsing?: boolean }) {
  return (
    <span className={classes.badge} style={{ "--badge-color": color }}>
      <span className={classes.dot} data-pulsing={pulsing} />
      {label}
    </span>
  );
}
