import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState, type ReactNode } from "react";
import { ApiError } from "../../api/errors";
import type { Campaign, NewCampaign, Preview, Release } from "../../api/model";
import { releaseQuery } from "../../api/queries";
import type { ExpressionFault } from "../../components/CelEditor";
import type { FaultOf } from "../../components/fields";
import { Refused } from "../../components/Confirm";
import { PageHeader, type Back } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { useNow } from "../../components/useNow";
import { text } from "../../i18n";
import { lateness, read, stepOf, STEPS, type Draft } from "../../plan/draft";
import page from "../Page.module.css";
import { PoliciesStep } from "./PoliciesStep";
import { ReleaseStep } from "./ReleaseStep";
import { ReviewStep } from "./ReviewStep";
import { ScheduleStep } from "./ScheduleStep";
import { Steps, stepName } from "./Steps";
import { TargetStep } from "./TargetStep";
import { usePreview } from "./usePreview";
import { WavesStep } from "./WavesStep";
import classes from "./Wizard.module.css";

/** What the last step's buttons need to know. */
export interface Ending {
  request: NewCampaign;
  release: Release;
  preview: Preview | undefined;
  /** Goes to the field that the server refused. */
  refused: (error: ApiError) => void;
}

interface FormProps {
  initial: Draft;
  title: string;
  back: Back;
  /** The campaign that is changed, if it is not a new one: its release stays. */
  existing?: Campaign;
  end: (ending: Ending) => ReactNode;
}

/** A campaign in steps: each says what is wrong in it, and only a whole one gets to the last. */
export function Form({ initial, title, back, existing, end }: FormProps) {
  const t = text().wizard;
  const now = useNow();
  const first = existing === undefined ? 0 : 1;
  const [step, setStep] = useState(first);
  const [draft, setDraft] = useState(initial);
  const [refused, setRefused] = useState<ApiError>();
  const { data: release } = useQuery({ ...releaseQuery(draft.release ?? 0), enabled: draft.release !== undefined });
  const name = draft.name ?? (release ? t.defaultName(`${release.name} ${release.version}`) : "");
  const { request, faults: own } = useMemo(() => read(draft, name), [draft, name]);
  const preview = usePreview(request, own);
  const faults = { ...told(preview.error), ...told(refused), ...own, ...lateness(draft, now) };
  const fault: FaultOf = (pointer) => faults[pointer];
  const set = (change: Partial<Draft>) => {
    setDraft((known) => ({ ...known, ...change }));
    setRefused(undefined);
  };
  const wrong = STEPS.filter((one) => Object.keys(faults).some((pointer) => stepOf(pointer) === one));
  const current = STEPS[step] ?? "release";
  const barred = wrong.find((one) => STEPS.indexOf(one) <= step);
  const next = () => {
    if (barred === undefined) setStep(step + 1);
  };
  const expressionFault = (pointer: string): ExpressionFault | undefined => {
    const error = [refused, preview.error].find((one) => one?.pointer === pointer);
    return error && { message: error.message, position: error.position };
  };
  return (
    <div className={page.page}>
      <PageHeader title={title} back={back} />
      <Steps
        current={step}
        go={setStep}
        open={(to) => to >= first && (to < step || (existing !== undefined && wrong.every((one) => STEPS.indexOf(one) >= to)))}
      />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          next();
        }}
      >
        <Panel title={stepName(current)}>
          <div className={classes.step}>
            {current === "release" && <ReleaseStep chosen={draft.release} choose={(id) => { set({ release: id }); }} />}
            {current === "target" && <TargetStep draft={draft} change={set} preview={preview} fault={expressionFault("/target")} />}
            {current === "waves" && <WavesStep draft={draft} change={set} preview={preview} fault={fault} />}
            {current === "policies" && (
              <PoliciesStep policy={draft.policy} fault={fault} set={(changed) => { set({ policy: { ...draft.policy, ...changed } }); }} />
            )}
            {current === "schedule" && (
              <ScheduleStep draft={{ ...draft, name }} change={set} now={now} fault={fault} preconditionFault={expressionFault("/precondition")} />
            )}
            {current === "review" && release && (
              <ReviewStep draft={draft} request={request} release={release} preview={preview.data} now={now} />
            )}
          </div>
          {refused !== undefined && stepOf(refused.pointer ?? "") === current && (
            <Refused error={refused} title={existing === undefined ? t.notCreated : text().plan.notChanged} />
          )}
          <Group justify="space-between" className={classes.buttons ?? ""}>
            <Button
              variant="default"
              disabled={step === first}
              onClick={() => {
                setStep(step - 1);
              }}
            >
              {text().common.back}
            </Button>
            {current !== "review" ? (
              <Group gap="sm">
                {barred !== undefined && barred !== current && <span className={classes.lead}>{text().plan.mend(stepName(barred))}</span>}
                <Button type="submit" disabled={barred !== undefined}>
                  {text().common.next}
                </Button>
              </Group>
            ) : (
              release &&
              end({
                request,
                release,
                preview: preview.data,
                refused: (error) => {
                  setRefused(error);
                  if (error.pointer !== undefined) setStep(STEPS.indexOf(stepOf(error.pointer)));
                },
              })
            )}
          </Group>
        </Panel>
      </form>
    </div>
  );
}

function told(error: ApiError | undefined): Record<string, string> {
  return error?.pointer === undefined ? {} : { [error.pointer]: error.message };
}
