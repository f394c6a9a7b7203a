import { useQuery } from "@tanstack/react-query";
import { mayAct } from "../api/acts";
import type { Campaign, CampaignReview } from "../api/model";
import { emergencyStopQuery, reviewQuery } from "../api/queries";
import { currentSession } from "../api/session";
import { isBeforeReview, offers, type Offer, type Reader } from "../rollout/offers";

/** Whoever is signed in. */
export function reader(): Reader {
  return { name: currentSession()?.name ?? "", can: mayAct };
}

/** What may be done with the campaign now; its review is asked for only while it may hold the campaign up. */
export function useOffers(campaign: Campaign): { offered: Offer[]; review: CampaignReview | undefined } {
  const { data: review } = useQuery({ ...reviewQuery(campaign.id), enabled: isBeforeReview(campaign) });
  // Until it is known whether everything is stopped, nothing is offered that would be refused then.
  const { data: stop } = useQuery(emergencyStopQuery);
  return { offered: offers(campaign, review, stop?.stopped ?? true, reader()), review };
}
