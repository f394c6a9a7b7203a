import { Button, Group } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { command, createCampaign, previewCampaign } from "../../api/client";
import { ApiError } from "../../api/errors";
import type { Release } from "../../api/model";
import { keys, modelsQuery, releaseQuery } from "../../api/queries";
import { submitCampaign } from "../../api/review";
import { may } from "../../api/session";
import { Refused } from "../../components/Confirm";
import { LockIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { useNow } from "../../components/useNow";
import { text } from "../../i18n";
import { checkedPlan, draftWaves, isPlan } from "../../rollout/plan";
import page from "../Page.module.css";
import { asRequest, deadlineFrom, STEPS, stepFault, type Draft } from "./draft";
import { ReleaseStep } from "./ReleaseStep";
import { ReviewStep } from "./ReviewStep";
import { ScheduleStep } from "./ScheduleStep";
import { Steps } from "./Steps";
import { TargetStep } from "./TargetStep";
import { WavesStep } from "./WavesStep";
import classes from "./Wizard.module.css";

/** How long somebody must stop typing before the server is asked. */
const TYPING_MS = 300;

/** From a release to a campaign, step by step; nothing happens before the last one. */
export function Wizard() {
  const t = text().wizard;
  if (!may("engineer")) {
    return (
      <Notice page icon={<LockIcon size={26} />} title={t.title}>
        {text().common.forbidden}
      </Notice>
    );
  }
  return <Form />;
}

function Form() {
  const t = text().wizard;
  const { release: given } = useSearch({ from: "/signed-in/campaigns/new" });
  const now = useNow();
  const [step, setStep] = useState(0);
  const [draft, setDraft] = useState<Draft>(() => ({
    release: given,
    target: "true",
    waves: draftWaves([5, 25, 70], 90),
    name: undefined,
    startAt: "",
    deadline: deadlineFrom(Date.now()),
    precondition: "",
    continuous: false,
  }));
  const { data: release } = useQuery({ ...releaseQuery(draft.release ?? 0), enabled: draft.release !== undefined });
  const preview = usePreview(draft);
  const set = (change: Partial<Draft>) => {
    setDraft({ ...draft, ...change });
  };
  const name = draft.name ?? (release ? t.defaultName(`${release.name} ${release.version}`) : "");
  const complete = { ...draft, name };
  const fault = stepFault(step, complete, preview.error, now);
  const next = () => {
    if (fault === undefined) setStep(step + 1);
  };
  return (
    <div className={page.page}>
      <PageHeader title={t.title} back={{ to: "/campaigns", label: text().campaigns.title }} />
      <Steps current={step} go={setStep} />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          next();
        }}
      >
        <Panel title={t.steps[STEPS[step] ?? "release"]}>
          <div className={classes.step}>
            {step === 0 && <ReleaseStep chosen={draft.release} choose={(id) => { set({ release: id }); }} />}
            {step === 1 && <TargetStep draft={draft} change={set} preview={preview} />}
            {step === 2 && <WavesStep waves={draft.waves} change={(waves) => { set({ waves }); }} preview={preview} />}
            {step === 3 && <ScheduleStep draft={complete} change={set} now={now} />}
            {step === 4 && release && <ReviewStep draft={complete} release={release} preview={preview.data} now={now} />}
          </div>
          <Group justify="space-between" className={classes.buttons ?? ""}>
            <Button
              variant="default"
              disabled={step === 0}
              onClick={() => {
                setStep(step - 1);
              }}
            >
              {text().common.back}
            </Button>
            {step < STEPS.length - 1 ? (
              <Button type="submit" disabled={fault !== undefined}>
                {text().common.next}
              </Button>
            ) : (
              release && <Create draft={complete} release={release} back={setStep} />
            )}
          </Group>
        </Panel>
      </form>
    </div>
  );
}

export interface PreviewState {
  data: Awaited<ReturnType<typeof previewCampaign>> | undefined;
  error: ApiError | undefined;
  /** What is shown is not of what is typed. */
  stale: boolean;
}

/** What the campaign would begin with, asked of the server while it is being written. */
function usePreview(draft: Draft): PreviewState {
  const plan = checkedPlan(draft.waves);
  const asked = { release: draft.release, target: draft.target, waves: isPlan(plan) ? plan : undefined, continuous: draft.continuous, precondition: draft.precondition.trim() };
  const [settled] = useDebouncedValue(JSON.stringify(asked), TYPING_MS);
  const { release, target, waves, continuous, precondition } = JSON.parse(settled) as typeof asked;
  const query = useQuery({
    queryKey: ["preview", settled],
    queryFn: async ({ signal }) => {
      const body = {
        release: release ?? 0,
        target,
        ...(waves === undefined ? {} : { waves }),
        ...(continuous ? { membership: "continuous" as const } : {}),
      };
      try {
        return await previewCampaign(precondition === "" ? body : { ...body, precondition }, signal);
      } catch (error) {
        // One that is half typed is no reason to show nothing: it is refused where it is typed.
        if (error instanceof ApiError && error.pointer === "/precondition") return previewCampaign(body, signal);
        throw error;
      }
    },
    enabled: release !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const stale = query.isFetching || settled !== JSON.stringify(asked);
  return { data: query.data, error: query.error instanceof ApiError ? query.error : undefined, stale };
}

interface CreateProps {
  draft: Draft & { name: string };
  release: Release;
  back: (step: number) => void;
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

/** What comes after the draft: nothing yet, its rehearsal, or its start or review. */
type Next = "keep" | "rehearse" | "onward";

/** Creates the campaign, and starts or submits it if that is wanted. */
function Create({ draft, release, back }: CreateProps) {
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
      const id = created ?? (await createCampaign(asRequest(draft), key.current)).id;
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
      if (!(error instanceof ApiError) || created !== undefined) return;
      const steps: Record<string, number> = { release: 0, target: 1, waves: 2, name: 3, deadline: 3, start_at: 3, precondition: 3 };
      const at = steps[error.pointer?.split("/")[1] ?? ""];
      if (at !== undefined && at !== 3) back(at);
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
  return (
    <div className={classes.create}>
      <Refused error={creating.error} title={created === undefined ? t.notCreated : t.notStarted} />
      <Group gap="sm" justify="flex-end">
        {button("keep", t.createDraft)}
        {button("rehearse", text().rehearsal.createAndRehearse)}
        {button("onward", reviewed ? t.createAndSubmit : draft.startAt === "" ? t.createAndStart : t.createAndSchedule)}
      </Group>
    </div>
  );
}
