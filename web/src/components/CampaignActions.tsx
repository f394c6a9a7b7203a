import { Button, Group } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState, type ReactNode } from "react";
import { mayAct } from "../api/acts";
import type { Campaign } from "../api/model";
import { text } from "../i18n";
import { waveToApprove, type Offer } from "../rollout/offers";
import { CheckIcon, PauseIcon, PlayIcon, StampIcon, StopIcon } from "./icons";
import { useOffers } from "./useOffers";

/** Loaded when it is put: lists of campaigns are on the first page, and most of their questions are never asked. */
const Question = lazy(async () => ({ default: (await import("./CampaignQuestion")).CampaignQuestion }));

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
        <Suspense>
          <Question
            name={asked}
            campaign={campaign}
            close={() => {
              setAsked(undefined);
            }}
          />
        </Suspense>
      )}
    </>
  );
}

function labelOf(name: Offer, campaign: Campaign): string {
  if (name === "submit") return text().review.submit;
  if (name === "approveWave") return text().review.approveWave(waveToApprove(campaign) ?? 0);
  return text().commands[name];
}
