import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { previewCampaign } from "../../api/client";
import { ApiError } from "../../api/errors";
import type { NewCampaign, Preview } from "../../api/model";
import type { Faults } from "../../plan/typed";

/** How long somebody must stop typing before the server is asked. */
const TYPING_MS = 300;

export interface PreviewState {
  data: Preview | undefined;
  /** What the server does not take; of the plan it may refuse a part and count the vehicles all the same. */
  error: ApiError | undefined;
  /** What is shown is not of what is typed. */
  stale: boolean;
}

type Asked = Parameters<typeof previewCampaign>[0];

/** What the campaign would begin with, asked of the server while it is being written. */
export function usePreview(request: NewCampaign, faults: Faults): PreviewState {
  const [salt, setSalt] = useState<string>();
  const asked = JSON.stringify({ salt: undefined, ...askedOf(request, faults) });
  const [settled] = useDebouncedValue(asked, TYPING_MS);
  const query = useQuery({
    // The salt is the same for all that is asked here, so vehicles keep their waves while somebody types.
    queryKey: ["preview", settled],
    queryFn: async ({ signal }) => {
      const body = { ...(JSON.parse(settled) as Asked), ...(salt === undefined ? {} : { salt }) };
      const answer = await preview(body, signal);
      setSalt(answer.preview.salt);
      return answer;
    },
    enabled: request.release !== 0,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const refused = query.error ?? query.data?.refused;
  return {
    data: query.data?.preview,
    error: refused instanceof ApiError ? refused : undefined,
    stale: query.isFetching || settled !== asked,
  };
}

function askedOf({ release, target, waves, ramp, policy, precondition }: NewCampaign, faults: Faults): Asked {
  const planned = !Object.keys(faults).some((at) => at.startsWith("/waves") || at.startsWith("/ramp"));
  return {
    release,
    target,
    ...(planned && waves != null ? { waves } : {}),
    ...(planned && ramp != null ? { ramp } : {}),
    ...(policy === undefined ? {} : { membership: policy.membership ?? "snapshot", precondition_waived: policy.precondition_waiver != null }),
    ...(precondition == null ? {} : { precondition }),
  };
}

interface Answer {
  preview: Preview;
  refused: ApiError | undefined;
}

/** A plan or a precondition that is half typed is no reason to show nothing: it is refused where it is typed. */
async function preview(body: Asked, signal: AbortSignal): Promise<Answer> {
  try {
    return { preview: await previewCampaign(body, signal), refused: undefined };
  } catch (error) {
    const at = error instanceof ApiError ? (error.pointer?.split("/")[1] ?? "") : "";
    if (!(error instanceof ApiError) || !["waves", "ramp", "precondition"].includes(at)) throw error;
    const rest = { ...body };
    delete rest.waves;
    delete rest.ramp;
    delete rest.precondition;
    return { preview: await previewCampaign(rest, signal), refused: error };
  }
}
