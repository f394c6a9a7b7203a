import { TextInput } from "@mantine/core";
import { may } from "../../api/session";
import { CelEditor, type ExpressionFault } from "../../components/CelEditor";
import { Field, Tick, type FaultOf } from "../../components/fields";
import { localField } from "../../format/field";
import { text } from "../../i18n";
import type { Draft } from "../../plan/draft";
import type { DraftPolicy } from "../../plan/policy";
import classes from "./Wizard.module.css";

interface ScheduleStepProps {
  draft: Draft & { name: string };
  change: (change: Partial<Draft>) => void;
  now: number;
  fault: FaultOf;
  preconditionFault: ExpressionFault | undefined;
}

/** Its name, when it may begin and must have ended, and what a vehicle asks itself before it installs. */
export function ScheduleStep({ draft, change, now, fault, preconditionFault }: ScheduleStepProps) {
  const t = text().wizard;
  const earliest = localField(new Date(now));
  const time = (name: "startAt" | "deadline", label: string, hint: string, pointer: string) => (
    <TextInput
      type="datetime-local"
      label={label}
      description={hint}
      min={earliest}
      value={draft[name]}
      error={fault(pointer)}
      onChange={(event) => {
        change({ [name]: event.currentTarget.value });
      }}
    />
  );
  return (
    <>
      <TextInput
        label={t.name}
        description={t.nameHint}
        value={draft.name}
        maxLength={200}
        required
        withAsterisk={false}
        error={fault("/name")}
        onChange={(event) => {
          change({ name: event.currentTarget.value });
        }}
      />
      <div className={classes.times}>
        {time("startAt", `${t.startAt} (${text().common.optional})`, t.startAtHint, "/start_at")}
        {time("deadline", t.deadline, t.deadlineHint, "/deadline")}
      </div>
      <div className={classes.times}>
        <Field label={text().plan.priority} hint={text().campaign.priorityHint} most={5} value={draft.priority} fault={fault("/priority")} change={(priority) => { change({ priority }); }} />
      </div>
      <CelEditor
        label={`${t.precondition} (${text().common.optional})`}
        description={t.preconditionHint}
        value={draft.precondition}
        fault={preconditionFault}
        change={(precondition) => {
          change({ precondition });
        }}
      />
      {draft.precondition.trim() !== "" && (
        <Waiver
          policy={draft.policy}
          fault={fault}
          set={(changed) => {
            change({ policy: { ...draft.policy, ...changed } });
          }}
        />
      )}
    </>
  );
}

interface WaiverProps {
  policy: DraftPolicy;
  set: (changed: Partial<DraftPolicy>) => void;
  fault: FaultOf;
}

/** To offer an update to vehicles that do not check its precondition is for approvers, with a reason. */
function Waiver({ policy, set, fault }: WaiverProps) {
  const t = text().plan;
  return (
    <>
      <Tick
        label={t.waives}
        hint={may("approver") ? t.waivesHint : t.onlyApprovers}
        checked={policy.waives}
        disabled={!may("approver")}
        change={(waives) => {
          set({ waives });
        }}
      />
      {policy.waives && (
        <Field label={t.waiver} value={policy.waiver} fault={fault("/policy/precondition_waiver")} change={(waiver) => { set({ waiver }); }} />
      )}
    </>
  );
}
