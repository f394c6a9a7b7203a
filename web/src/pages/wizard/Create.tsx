import { Button, Group } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { command, createCampaign } from "../../api/client";
import { ApiError } from "../../api/errors";
import { keys, modelsQuery } from "../../api/queries";
import { submitCampaign } from "../../api/review";
import { Refused } from "../../components/Confirm";
import { text } from "../../i18n";
import type { Ending } from "./Form";
import classes from "./Wizard.module.css";

/** What comes after the draft: nothing yet, its rehearsal, or its start or review. */
type Next = "keep" | "rehearse" | "onward";

/** Creates the campaign, and starts or submits it if that is wanted. */
export function Create({ request, release, preview, refused }: Ending) {
  const t = text().wizard;
  const client = useQueryClient();
  const navigate = useNavigate();
  // Pressed twice, or sent again after an answer that got lost: one campaign.
  const key = useRef<string>(undefined);
  const [created, setCreated] = useState<number>();
  const { data: models = [] } = useQuery(modelsQuery);
  const reviewed = models.some((model) => model.review_required && release.models.includes(model.id));
  const creating = useMutation({
    mutationFn: async (next: Next) => {
      key.current ??= crypto.randomUUID();
      // With the preview's salt its vehicles are in the waves that it named.
      const body = preview === undefined ? request : { ...request, salt: preview.salt };
      const id = created ?? (await createCampaign(body, key.current)).id;
      setCreated(id);
      return { id, next, toReview: next === "onward" && (await goOn(id, reviewed)) };
    },
    onSuccess: async ({ id, next, toReview }) => {
      if (next === "rehearse") await navigate({ to: "/campaigns/$id/rehearsal", params: { id }, search: {} });
      else if (toReview) await navigate({ to: "/campaigns/$id/review", params: { id } });
      else await navigate({ to: "/campaigns/$id", params: { id }, search: {} });
    },
    onError: (error) => {
      key.current = undefined;
      if (error instanceof ApiError && created === undefined && error.pointer !== undefined) refused(error);
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.campaigns }),
  });
  const button = (next: Next, label: string) => (
    <Button
      variant={next === "onward" ? "filled" : "default"}
      loading={creating.isPending && creating.variables === next}
      disabled={creating.isPending}
      onClick={() => {
        creating.mutate(next);
      }}
    >
      {label}
    </Button>
  );
  const onward = reviewed ? t.createAndSubmit : request.start_at == null ? t.createAndStart : t.createAndSchedule;
  return (
    <div className={classes.create}>
      <Refused error={creating.error} title={created === undefined ? t.notCreated : t.notStarted} />
      <Group gap="sm" justify="flex-end">
        {button("keep", t.createDraft)}
        {button("rehearse", text().rehearsal.createAndRehearse)}
        {button("onward", onward)}
      </Group>
    </div>
  );
}

/** Starts the campaign, or submits it where its models ask for a review; whether the review is what comes next. */
async function goOn(id: number, reviewed: boolean): Promise<boolean> {
  if (reviewed) {
    await submitCampaign(id, "");
    return true;
  }
  try {
    await command(id, "start", "");
    return false;
  } catch (error) {
    // The whole installation may ask for reviews, and says so only now.
    if (error instanceof ApiError && error.code === "review-needed") return true;
    throw error;
  }
}
