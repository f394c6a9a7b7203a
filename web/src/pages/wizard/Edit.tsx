import { Button, Group } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import { ApiError, asApiError } from "../../api/errors";
import type { Campaign, CampaignReview, NewCampaign } from "../../api/model";
import { campaignQuery, reviewQuery, touchedByCommand } from "../../api/queries";
import { changeCampaign } from "../../api/review";
import { Refused } from "../../components/Confirm";
import { Failure } from "../../components/Failure";
import { LockIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { LoadingRows } from "../../components/Pending";
import { text } from "../../i18n";
import { changeOf, read, writtenDraft } from "../../plan/draft";
import { listOf, partOf } from "../../rollout/content";
import { isBeforeReview } from "../../rollout/offers";
import { NotFound } from "../NotFound";
import { Form, type Ending } from "./Form";
import classes from "./Wizard.module.css";

/** A campaign of which nothing has begun, to be changed in every part but its release. */
export function Edit() {
  const { id } = useParams({ from: "/signed-in/campaigns/$id/edit" });
  const campaign = useQuery(campaignQuery(id));
  const review = useQuery(reviewQuery(id));
  const error = campaign.error ?? review.error;
  if (campaign.data === undefined || review.data === undefined) {
    if (error === null) return <LoadingRows />;
    if (asApiError(error).status === 404) return <NotFound what={text().campaign.none(id)} />;
    return <Failure page again error={error} retry={() => void Promise.all([campaign.refetch(), review.refetch()])} />;
  }
  if (!mayAct("change") || !isBeforeReview(campaign.data)) {
    return (
      <Notice page icon={<LockIcon size={26} />} title={text().plan.editTitle(campaign.data.name)}>
        {mayAct("change") ? text().plan.tooLate : text().common.forbidden}
      </Notice>
    );
  }
  return <Loaded key={id} campaign={campaign.data} review={review.data} />;
}

function Loaded({ campaign, review }: { campaign: Campaign; review: CampaignReview }) {
  // What somebody else changes meanwhile does not move under the hands that write.
  const [{ initial, before }] = useState(() => {
    const written = writtenDraft(campaign, listOf(partOf(review.content, "waves")).map((wave) => listOf(partOf(wave, "vins")).map(String)));
    return { initial: written, before: read(written, campaign.name).request };
  });
  return (
    <Form
      initial={initial}
      existing={campaign}
      title={text().plan.editTitle(campaign.name)}
      back={{ to: "/campaigns/$id", params: { id: campaign.id }, label: campaign.name }}
      end={(ending) => <Save {...ending} campaign={campaign} before={before} />}
    />
  );
}

/** Asks for what is another, and nothing else. */
function Save({ campaign, before, request, refused }: Ending & { campaign: Campaign; before: NewCampaign }) {
  const t = text().plan;
  const client = useQueryClient();
  const navigate = useNavigate();
  const change = changeOf(before, request);
  const nothing = Object.keys(change).length === 0;
  const changing = useMutation({
    mutationFn: () => changeCampaign(campaign.id, change),
    onSuccess: () => navigate({ to: "/campaigns/$id", params: { id: campaign.id }, search: {} }),
    onError: (error) => {
      if (error instanceof ApiError && error.pointer !== undefined) refused(error);
    },
    onSettled: () => Promise.all(touchedByCommand(campaign.id).map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
  return (
    <div className={classes.create}>
      <Refused error={changing.error} title={t.notChanged} />
      <Group gap="sm" justify="flex-end">
        <span className={classes.lead}>
          {nothing ? t.nothingChanged : campaign.state === "in_review" ? text().campaign.changeVoids : ""}
        </span>
        <Button
          disabled={nothing}
          loading={changing.isPending}
          onClick={() => {
            changing.mutate();
          }}
        >
          {t.save}
        </Button>
      </Group>
    </div>
  );
}
