import { NativeSelect } from "@mantine/core";
import { Field, Tick } from "../../components/fields";
import { text } from "../../i18n";
import type { DraftThreshold } from "../../plan/policy";
import type { PolicyFieldsProps } from "./PoliciesStep";
import classes from "./Policies.module.css";
import { Rows, Section } from "./Section";

/** When it halts by itself. */
export function HaltFields({ policy, set, fault }: PolicyFieldsProps) {
  const t = text().plan;
  const at = "/policy/halt";
  const ratio = (name: "acceptable" | "intolerable" | "alpha" | "beta", part: string) => (
    <Field
      label={t[name]}
      unit="%"
      value={policy[name]}
      fault={fault(`${at}/sequential/${part}`)}
      change={(value) => {
        set({ [name]: value });
      }}
    />
  );
  return (
    <Section title={t.halt}>
      <Tick label={t.sequential} hint={t.sequentialHint} checked={policy.sequential} change={(sequential) => { set({ sequential }); }} />
      {policy.sequential && (
        <div className={`${classes.fields ?? ""} ${classes.indented ?? ""}`}>
          {ratio("acceptable", "acceptable_ratio")}
          {ratio("intolerable", "intolerable_ratio")}
          {ratio("alpha", "alpha")}
          {ratio("beta", "beta")}
        </div>
      )}
      <Rows<DraftThreshold>
        rows={policy.thresholds}
        change={(thresholds) => { set({ thresholds }); }}
        label={t.threshold}
        removeLabel={t.removeThreshold}
        addLabel={t.addThreshold}
        make={(key) => ({ key, failed: "3", of: "finished", finished: "200" })}
        most={10}
      >
        {(one, change, index) => (
          <>
            <Field label={t.thresholdFailed} unit="%" value={one.failed} fault={fault(`${at}/thresholds/${index}/failed_ratio`)} change={(failed) => { change({ failed }); }} />
            <NativeSelect
              size="xs"
              label={t.thresholdOf}
              value={one.of}
              data={(["finished", "wave"] as const).map((of) => ({ value: of, label: t.thresholdOfs[of] }))}
              onChange={(event) => {
                change({ of: event.currentTarget.value === "wave" ? "wave" : "finished" });
              }}
            />
            <Field label={t.thresholdLeast} value={one.finished} fault={fault(`${at}/thresholds/${index}/min_finished`)} change={(finished) => { change({ finished }); }} />
          </>
        )}
      </Rows>
      <Tick label={t.silence} checked={policy.silenceIsFailure} change={(silenceIsFailure) => { set({ silenceIsFailure }); }} />
    </Section>
  );
}
