import type { Campaign } from "../api/model";
import { hasEnded } from "../rollout/states";
import { waitingSentence } from "../rollout/wording";
import { AlertIcon, HourglassIcon } from "./icons";
import { useNow } from "./useNow";
import classes from "./WaitingOn.module.css";

/** What a campaign waits for, in the planner's words; nothing once it has ended. */
export function WaitingOn({ campaign }: { campaign: Campaign }) {
  const now = useNow();
  if (hasEnded(campaign.state) && campaign.waiting_on.code === "nothing") return null;
  const urgent = campaign.state === "halted" || campaign.waiting_on.code === "gate_unreachable";
  return (
    <p className={classes.waiting} data-urgent={urgent}>
      {urgent ? <AlertIcon size={17} /> : <HourglassIcon size={17} />}
      <span>{waitingSentence(campaign.waiting_on, now)}</span>
    </p>
  );
}
