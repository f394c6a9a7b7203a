import type { Campaign } from "../api/model";
import { text } from "../i18n";
import { hasEnded } from "../rollout/states";
import { waitingSentence } from "../rollout/wording";
import { AlertIcon, HourglassIcon } from "./icons";
import { useNow } from "./useNow";
import { useOffers } from "./useOffers";
import classes from "./WaitingOn.module.css";

/** What a campaign waits for, in the planner's words; nothing once it has ended. */
export function WaitingOn({ campaign }: { campaign: Campaign }) {
  const now = useNow();
  const { review } = useOffers(campaign);
  if (hasEnded(campaign.state) && campaign.waiting_on.code === "nothing") return null;
  const urgent = campaign.state === "halted" || campaign.waiting_on.code === "gate_unreachable";
  const t = text().waiting;
  const held = review?.may_start === false && (campaign.state === "in_review" ? t.review : t.submit);
  return (
    <p className={classes.waiting} data-urgent={urgent}>
      {urgent ? <AlertIcon size={17} /> : <HourglassIcon size={17} />}
      <span>{held || waitingSentence(campaign.waiting_on, now)}</span>
    </p>
  );
}
