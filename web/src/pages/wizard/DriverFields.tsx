import { NativeSelect, Textarea } from "@mantine/core";
import { may } from "../../api/session";
import { Field, Tick, type FaultOf } from "../../components/fields";
import { text } from "../../i18n";
import type { DraftConsent } from "../../plan/consent";
import classes from "./Policies.module.css";
import { Rows, Section } from "./Section";

interface DriverFieldsProps {
  consent: DraftConsent;
  change: (consent: DraftConsent) => void;
  fault: FaultOf;
}

const MODES = ["none", "inform", "ask"] as const;
const at = "/policy/consent";

/** What the driver is told and asked. */
export function DriverFields({ consent, change, fault }: DriverFieldsProps) {
  const t = text().plan;
  const set = (changed: Partial<DraftConsent>) => {
    change({ ...consent, ...changed });
  };
  return (
    <Section title={t.driver}>
      <div className={classes.fields}>
        <NativeSelect
          size="xs"
          label={t.consent}
          value={consent.mode}
          data={MODES.map((mode) => ({ value: mode, label: t.consents[mode] }))}
          onChange={(event) => {
            set({ mode: MODES.find((mode) => mode === event.currentTarget.value) ?? "none" });
          }}
        />
      </div>
      {consent.mode !== "none" && (
        <>
          <Texts consent={consent} set={set} fault={fault} />
          <div className={classes.fields}>
            <Field label={t.minutes} value={consent.minutes} fault={fault(`${at}/minutes`)} change={(minutes) => { set({ minutes }); }} />
            {consent.mode === "ask" && (
              <Field label={t.reminders} hint={t.remindersHint} value={consent.reminders} fault={fault(`${at}/max_reminders`)} change={(reminders) => { set({ reminders }); }} />
            )}
            <Textarea
              size="xs"
              label={t.unavailable}
              description={t.unavailableHint}
              rows={2}
              value={consent.unavailable}
              error={fault(`${at}/unavailable`)}
              onChange={(event) => {
                set({ unavailable: event.currentTarget.value });
              }}
            />
          </div>
        </>
      )}
      {consent.mode === "ask" && <Forced consent={consent} set={set} fault={fault} />}
    </Section>
  );
}

interface PartProps {
  consent: DraftConsent;
  set: (changed: Partial<DraftConsent>) => void;
  fault: FaultOf;
}

/** To install without asking is for approvers; what one of them asked for is shown to everybody. */
function Forced({ consent, set, fault }: PartProps) {
  const t = text().plan;
  return (
    <>
      <Tick
        label={t.forces}
        hint={may("approver") ? t.forcesHint : t.onlyApprovers}
        checked={consent.forces}
        disabled={!may("approver")}
        change={(forces) => {
          set({ forces });
        }}
      />
      {consent.forces && (
        <div className={classes.indented}>
          <Field label={t.forceReason} value={consent.forceReason} fault={fault(`${at}/force_reason`)} change={(forceReason) => { set({ forceReason }); }} />
        </div>
      )}
    </>
  );
}

function Texts({ consent, set, fault }: PartProps) {
  const t = text().plan;
  return (
    <Rows
      rows={consent.texts}
      change={(texts) => {
        set({ texts });
      }}
      label={t.textOf}
      removeLabel={t.removeText}
      addLabel={t.addText}
      make={(key) => ({ key, language: "", title: "", body: "" })}
      most={50}
    >
      {(one, change) => (
        <>
          <Field label={t.language} most={35} placeholder="de-AT" value={one.language} fault={fault(`${at}/texts/${one.key}/language`)} change={(language) => { change({ language }); }} />
          <Field label={t.title} most={200} value={one.title} fault={fault(`${at}/texts/${one.key}/title`)} change={(title) => { change({ title }); }} />
          <Textarea
            className={classes.wide ?? ""}
            size="xs"
            label={t.body}
            rows={2}
            maxLength={4000}
            value={one.body}
            error={fault(`${at}/texts/${one.key}/body`)}
            onChange={(event) => {
              change({ body: event.currentTarget.value });
            }}
          />
        </>
      )}
    </Rows>
  );
}
