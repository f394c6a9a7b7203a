import { Field, Tick, type FaultOf } from "../../components/fields";
import { planText } from "../../i18n/plan";
import type { DraftPolicy } from "../../plan/policy";
import { DriverFields } from "./DriverFields";
import { HaltFields } from "./HaltFields";
import classes from "./Policies.module.css";
import { Section } from "./Section";
import { WindowFields } from "./WindowFields";

export interface PolicyFieldsProps {
  policy: DraftPolicy;
  set: (changed: Partial<DraftPolicy>) => void;
  fault: FaultOf;
}

/** What the campaign keeps to by itself: when it halts, how fast it goes, what is tried again, when, and what drivers see. */
export function PoliciesStep(props: PolicyFieldsProps) {
  const { policy, set, fault } = props;
  const t = planText();
  return (
    <>
      <p className={classes.lead}>{t.policiesLead}</p>
      <div className={classes.sections}>
        <HaltFields {...props} />
        <PaceFields {...props} />
        <AttemptFields {...props} />
        <WindowFields
          windows={policy.windows}
          fault={fault}
          change={(windows) => {
            set({ windows });
          }}
        />
        <DriverFields
          consent={policy.consent}
          fault={fault}
          change={(consent) => {
            set({ consent });
          }}
        />
        <Section title={t.others}>
          <Tick
            label={t.supersede}
            hint={fault("/policy/supersede") ?? t.supersedeHint}
            checked={policy.supersede}
            change={(supersede) => {
              set({ supersede });
            }}
          />
        </Section>
      </div>
    </>
  );
}

function PaceFields({ policy, set, fault }: PolicyFieldsProps) {
  const t = planText();
  const at = "/policy/rate";
  return (
    <Section title={t.pace}>
      <div className={classes.fields}>
        <Field label={t.maxInFlight} hint={t.maxInFlightHint} value={policy.maxInFlight} fault={fault("/policy/max_in_flight")} change={(maxInFlight) => { set({ maxInFlight }); }} />
        <Field label={t.rate} hint={t.rateHint} value={policy.rate} fault={fault(`${at}/per_minute`)} change={(rate) => { set({ rate }); }} />
        <Field label={t.bandwidth} hint={t.bandwidthHint} value={policy.bandwidth} fault={fault("/policy/max_bytes_per_sec")} change={(bandwidth) => { set({ bandwidth }); }} />
      </div>
      <Tick label={t.adapts} hint={t.adaptsHint} checked={policy.adapts} change={(adapts) => { set({ adapts }); }} />
      {policy.adapts && (
        <div className={`${classes.fields ?? ""} ${classes.indented ?? ""}`}>
          <Field label={t.slowest} value={policy.slowest} fault={fault(`${at}/adapt/min_per_minute`)} change={(slowest) => { set({ slowest }); }} />
          <Field label={t.fastest} value={policy.fastest} fault={fault(`${at}/adapt/max_per_minute`)} change={(fastest) => { set({ fastest }); }} />
          <Field label={t.halvedAbove} unit="%" value={policy.halvedAbove} fault={fault(`${at}/adapt/failed_ratio`)} change={(halvedAbove) => { set({ halvedAbove }); }} />
        </div>
      )}
    </Section>
  );
}

function AttemptFields({ policy, set, fault }: PolicyFieldsProps) {
  const t = planText();
  const at = "/policy/retry";
  return (
    <Section title={t.attempts} lead={t.timeHint}>
      <div className={classes.fields}>
        <Field label={t.offerTimeout} value={policy.offerTimeout} fault={fault("/policy/timeouts/offer_secs")} change={(offerTimeout) => { set({ offerTimeout }); }} />
        <Field label={t.stepTimeout} value={policy.stepTimeout} fault={fault("/policy/timeouts/step_secs")} change={(stepTimeout) => { set({ stepTimeout }); }} />
      </div>
      <Tick label={t.retries} checked={policy.retries} change={(retries) => { set({ retries }); }} />
      {policy.retries && (
        <div className={classes.indented}>
          <div className={classes.fields}>
            <Field label={t.maxAttempts} value={policy.attempts} fault={fault(`${at}/max_attempts`)} change={(attempts) => { set({ attempts }); }} />
            <Field label={t.backoff} hint={t.backoffHint} value={policy.backoff} fault={fault(`${at}/backoff_secs`)} change={(backoff) => { set({ backoff }); }} />
            <Field label={t.codes} hint={t.codesHint} most={6000} value={policy.codes} fault={fault(`${at}/error_codes`)} change={(codes) => { set({ codes }); }} />
          </div>
          <Tick label={t.retriesTimedOut} checked={policy.retriesTimedOut} change={(retriesTimedOut) => { set({ retriesTimedOut }); }} />
        </div>
      )}
    </Section>
  );
}
