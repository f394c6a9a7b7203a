import { TextInput } from "@mantine/core";
import { CelEditor } from "../../components/CelEditor";
import { localField } from "../../format/field";
import { text } from "../../i18n";
import { deadlineFault, startFault, type Draft } from "./draft";
import classes from "./Wizard.module.css";

interface ScheduleStepProps {
  draft: Draft & { name: string };
  change: (change: Partial<Draft>) => void;
  now: number;
}

/** Its name, when it may begin and must have ended, and what a vehicle asks itself before it installs. */
export function ScheduleStep({ draft, change, now }: ScheduleStepProps) {
  const t = text().wizard;
  const earliest = localField(new Date(now));
  return (
    <>
      <TextInput
        label={t.name}
        description={t.nameHint}
        value={draft.name}
        maxLength={200}
        required
        withAsterisk={false}
        onChange={(event) => {
          change({ name: event.currentTarget.value });
        }}
      />
      <div className={classes.times}>
        <TextInput
          type="datetime-local"
          label={`${t.startAt} (${text().common.optional})`}
          description={t.startAtHint}
          min={earliest}
          value={draft.startAt}
          error={startFault(draft)}
          onChange={(event) => {
            change({ startAt: event.currentTarget.value });
          }}
        />
        <TextInput
          type="datetime-local"
          label={t.deadline}
          description={t.deadlineHint}
          min={earliest}
          value={draft.deadline}
          error={deadlineFault(draft, now)}
          onChange={(event) => {
            change({ deadline: event.currentTarget.value });
          }}
        />
      </div>
      <CelEditor
        label={`${t.precondition} (${text().common.optional})`}
        description={t.preconditionHint}
        value={draft.precondition}
        change={(precondition) => {
          change({ precondition });
        }}
      />
    </>
  );
}
