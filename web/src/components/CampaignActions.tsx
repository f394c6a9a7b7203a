import { Button, Group } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { mayAct } from "../api/acts";
import { command } from "../api/client";
import type { Campaign } from "../api/model";
import { touchedByCommand } from "../api/queries";
import { approveWave, submitCampaign } from "../api/review";
import { text } from "../i18n";
import { waveToApprove, type Offer } from "../rollout/offers";
import { consequence } from "../rollout/wording";
import { Ask } from "./Ask";
import { CheckIcon, PauseIcon, PlayIcon, StampIcon, StopIcon } from "./icons";
import { useNow } from "./useNow";
import { useOffers } from "./useOffers";

const ICONS: Record<Offer, ReactNode> = {
  submit: <StampIcon size={14} />,
  approveWave: <CheckIcon size={14} />,
  start: <PlayIcon size={14} />,
  pause: <PauseIcon size={14} />,
  resume: <PlayIcon size={14} />,
  cancel: <StopIcon size={14} />,
};
const ONWARD: readonly Offer[] = ["submit", "approveWave", "start", "resume"];

interface CampaignActionsProps {
  campaign: Campaign;
  size?: "xs" | "sm";
  /** The review is what is being looked at. */
  reviewing?: boolean;
}

/** What may be done with the campaign now, each behind a question that tells what it would do. */
export function CampaignActions({ campaign, size = "sm", reviewing = false }: CampaignActionsProps) {
  const [asked, setAsked] = useState<Offer>();
  const { offered, review } = useOffers(campaign);
  const waits = campaign.state === "in_review" && review?.may_start === false;
  const toReview = waits && !reviewing && mayAct("approve");
  if (offered.length === 0 && !toReview) return null;
  return (
    <>
      <Group gap="xs">
        {toReview && (
          <Button
            size={size}
            leftSection={<StampIcon size={14} />}
            aria-label={text().review.lookAt(campaign.name)}
            renderRoot={(props) => <Link to="/campaigns/$id/review" params={{ id: campaign.id }} {...props} />}
          >
            {text().review.look}
          </Button>
        )}
        {offered.map((name) => (
          <Button
            key={name}
            size={size}
            variant={ONWARD.includes(name) ? "filled" : "default"}
            leftSection={ICONS[name]}
            aria-label={`${labelOf(name, campaign)} ${campaign.name}`}
            onClick={() => {
              setAsked(name);
            }}
          >
            {labelOf(name, campaign)}
          </Button>
        ))}
      </Group>
      {asked !== undefined && (
        <Question
          name={asked}
          campaign={campaign}
          close={() => {
            setAsked(undefined);
          }}
        />
      )}
    </>
  );
}

function labelOf(name: Offer, campaign: Campaign): string {
  if (name === "submit") return text().review.submit;
  if (name === "approveWave") return text().review.approveWave(waveToApprove(campaign) ?? 0);
  return text().commands[name];
}

function Question({ name, campaign, close }: { name: Offer; campaign: Campaign; close: () => void }) {
  const now = useNow();
  const t = text().review;
  const same = { close, touched: touchedByCommand(campaign.id) };
  if (name === "submit") {
    return (
      <Ask
        {...same}
        title={t.submitAsk(campaign.name)}
        effects={t.submitEffects}
        confirm={t.submit}
        run={(reason) => submitCampaign(campaign.id, reason)}
      />
    );
  }
  if (name === "approveWave") {
    const wave = waveToApprove(campaign) ?? 0;
    return (
      <Ask
        {...same}
        title={t.approveWaveAsk(wave)}
        effects={t.approveWaveEffects(wave + 1)}
        confirm={t.approveWave(wave)}
        reason="none"
        run={() => approveWave(campaign.id, wave)}
      />
    );
  }
  const asked = consequence(name, campaign, now);
  const back = name === "cancel" ? text().commands.keep : text().common.back;
  return <Ask {...same} {...asked} back={back} run={(reason) => command(campaign.id, name, reason)} />;
}
