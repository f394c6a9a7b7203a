import { Button, Group, Stack } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { asApiError } from "../../api/errors";
import type { Campaign, CampaignReview } from "../../api/model";
import { reviewQuery, touchedByCommand } from "../../api/queries";
import { approveCampaign, rejectCampaign, submitCampaign } from "../../api/review";
import { Ask } from "../../components/Ask";
import { Fact, Facts } from "../../components/Facts";
import { Hash } from "../../components/Hash";
import { CheckIcon, StampIcon, StopIcon } from "../../components/icons";
import { Panel } from "../../components/Panel";
import { reader } from "../../components/useOffers";
import { text } from "../../i18n";
import { mayBeSubmitted, reviewOffers } from "../../rollout/offers";
import page from "../Page.module.css";

interface StandingProps {
  campaign: Campaign;
  review: CampaignReview;
  /** What was to be approved is not what is there any more. */
  outdated: () => void;
}

/** How the review stands, whose work it is about, and what may be decided now. */
export function Standing({ campaign, review, outdated }: StandingProps) {
  const t = text().review;
  const [author, changedBy] = review.authors;
  const { ownWork } = reviewOffers(campaign, review, reader());
  return (
    <Panel title={t.title}>
      <Stack gap="md">
        <p className={page.quiet}>{standing(campaign, review)}</p>
        {ownWork && <p className={page.quiet}>{t.ownWork}</p>}
        <Facts>
          <Fact term={t.author}>{author}</Fact>
          {changedBy !== undefined && <Fact term={t.changedBy}>{changedBy}</Fact>}
          <Fact term={t.digest}>
            <Hash whole value={review.digest} label={t.copyDigest} />
            <br />
            <small className={page.quiet}>{t.digestHint}</small>
          </Fact>
        </Facts>
        <Decisions campaign={campaign} review={review} outdated={outdated} />
      </Stack>
    </Panel>
  );
}

function standing(campaign: Campaign, review: CampaignReview): string {
  const t = text().review;
  const approved = review.steps[0]?.verdict === "approved" && review.may_start;
  if (campaign.started_at != null) return approved ? t.wasApproved : t.wasNotApproved;
  if (approved) return t.approved;
  if (campaign.state === "in_review") return t.waits;
  return review.required ? `${t.required} ${t.notSubmitted}` : t.notRequired;
}

type Decision = "submit" | "approve" | "reject";

function Decisions({ campaign, review, outdated }: StandingProps) {
  const t = text().review;
  /** With the review as it was when the question was put: an approval is for what was on the screen then. */
  const [asked, setAsked] = useState<{ decision: Decision; digest: string }>();
  const may = reviewOffers(campaign, review, reader());
  const submit = mayBeSubmitted(campaign, reader());
  if (!may.approve && !may.reject && !submit) return null;
  const button = (decision: Decision, label: string, icon: ReactNode, filled: boolean) => (
    <Button
      variant={filled ? "filled" : "default"}
      leftSection={icon}
      onClick={() => {
        setAsked({ decision, digest: review.digest });
      }}
    >
      {label}
    </Button>
  );
  return (
    <Group gap="xs">
      {/* Where a review is needed, the page's head offers this already. */}
      {submit && !review.required && button("submit", t.submit, <StampIcon size={14} />, false)}
      {may.approve && button("approve", t.approve, <CheckIcon size={14} />, true)}
      {may.reject && button("reject", t.reject, <StopIcon size={14} />, false)}
      {asked && (
        <Question
          {...asked}
          campaign={campaign}
          outdated={outdated}
          close={() => {
            setAsked(undefined);
          }}
        />
      )}
    </Group>
  );
}

interface QuestionProps {
  decision: Decision;
  digest: string;
  campaign: Campaign;
  outdated: () => void;
  close: () => void;
}

function Question({ decision, digest, campaign, outdated, close }: QuestionProps) {
  const t = text().review;
  const client = useQueryClient();
  const same = { close, touched: touchedByCommand(campaign.id) };
  switch (decision) {
    case "submit":
      return (
        <Ask
          {...same}
          title={t.submitAsk(campaign.name)}
          effects={t.submitEffects}
          confirm={t.submit}
          run={(reason) => submitCampaign(campaign.id, reason)}
        />
      );
    case "reject":
      return (
        <Ask
          {...same}
          title={t.rejectAsk(campaign.name)}
          effects={t.rejectEffects}
          confirm={t.rejectConfirm}
          reason="needed"
          run={(reason) => rejectCampaign(campaign.id, reason)}
        />
      );
    case "approve":
      return (
        <Ask
          {...same}
          title={t.approveAsk(campaign.name)}
          effects={t.approveEffects}
          confirm={t.approveConfirm}
          run={(reason) => approveCampaign(campaign.id, digest, reason)}
          failed={(error) => {
            // A change makes it a draft, so a conflict of state may be news of one as well: the digest tells.
            if (asApiError(error).status !== 409) return;
            void client.query({ ...reviewQuery(campaign.id), staleTime: 0 }).then((review) => {
              if (review.digest === digest) return;
              outdated();
              close();
            });
          }}
        >
          <Hash whole value={digest} label={t.copyDigest} />
        </Ask>
      );
  }
}
