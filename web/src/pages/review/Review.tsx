import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { asApiError } from "../../api/errors";
import type { Campaign, CampaignReview } from "../../api/model";
import { campaignQuery, reviewQuery } from "../../api/queries";
import { Failure } from "../../components/Failure";
import { LoadingRows, Pending } from "../../components/Pending";
import { text } from "../../i18n";
import { changesOf } from "../../rollout/content";
import { Header } from "../campaign/Header";
import { NotFound } from "../NotFound";
import page from "../Page.module.css";
import { Changed } from "./Changed";
import { Content } from "./Content";
import { History } from "./History";
import { Standing } from "./Standing";

/** A campaign as another person reads it before it may start: all that it is, and what was decided about it. */
export function Review() {
  const { id } = useParams({ from: "/signed-in/campaigns/$id/review" });
  const campaign = useQuery(campaignQuery(id));
  const review = useQuery(reviewQuery(id));
  if (campaign.data === undefined) {
    if (campaign.error === null) return <LoadingRows />;
    if (asApiError(campaign.error).status === 404) return <NotFound what={text().campaign.none(id)} />;
    return <Failure page again error={campaign.error} retry={() => void campaign.refetch()} />;
  }
  return (
    <div className={page.page}>
      <Header reviewing campaign={campaign.data} />
      {review.data === undefined ? (
        <Pending error={review.error} retry={() => void review.refetch()} />
      ) : (
        <Reading key={id} campaign={campaign.data} review={review.data} />
      )}
    </div>
  );
}

/** Remembers what the reader has seen, so that a change beneath their eyes is told and not only shown. */
function Reading({ campaign, review }: { campaign: Campaign; review: CampaignReview }) {
  const [seen, setSeen] = useState(review);
  const [refused, setRefused] = useState(false);
  const changed = seen.digest !== review.digest;
  return (
    <>
      {(changed || refused) && (
        <Changed
          refused={refused}
          changes={changesOf(seen.content, review.content)}
          understood={() => {
            setSeen(review);
            setRefused(false);
          }}
        />
      )}
      <div className={`${page.columns ?? ""} ${page.wideLeft ?? ""}`}>
        <Standing
          campaign={campaign}
          review={review}
          outdated={() => {
            setRefused(true);
          }}
        />
        <History review={review} />
      </div>
      <Content review={review} />
    </>
  );
}
