/** A campaign's policies while they are written: when it halts, how fast it goes, what is tried again, whom it ends. */

import type { Policy } from "../api/model";
import { planText } from "../i18n/plan";
import { type DraftConsent, draftConsent, readConsent, writtenConsent } from "./consent";
import { numberOf, type Reader, writtenSeconds, writtenShare } from "./typed";
import { type DraftWindows, draftWindows, readWindows, writtenWindows } from "./windows";

export interface DraftThreshold {
  key: number;
  failed: string;
  of: "wave" | "finished";
  finished: string;
}

/** Shares in per cent, lengths of time with their units; what is empty is not asked for. */
export interface DraftPolicy {
  sequential: boolean;
  acceptable: string;
  intolerable: string;
  alpha: string;
  beta: string;
  thresholds: readonly DraftThreshold[];
  silenceIsFailure: boolean;
  maxInFlight: string;
  /** Bytes a second. */
  bandwidth: string;
  rate: string;
  adapts: boolean;
  slowest: string;
  fastest: string;
  halvedAbove: string;
  offerTimeout: string;
  stepTimeout: string;
  retries: boolean;
  attempts: string;
  backoff: string;
  /** With commas or spaces between them. */
  codes: string;
  retriesTimedOut: boolean;
  continuous: boolean;
  supersede: boolean;
  waives: boolean;
  waiver: string;
  windows: DraftWindows;
  consent: DraftConsent;
}

/** A bad release halts by itself unless somebody takes that away. */
export const NEW_POLICY: DraftPolicy = {
  sequential: true,
  acceptable: "1",
  intolerable: "5",
  alpha: "1",
  beta: "1",
  thresholds: [],
  silenceIsFailure: false,
  maxInFlight: "",
  bandwidth: "",
  rate: "",
  adapts: false,
  slowest: "",
  fastest: "",
  halvedAbove: "2",
  offerTimeout: "",
  stepTimeout: "",
  retries: false,
  attempts: "3",
  backoff: "10 min",
  codes: "",
  retriesTimedOut: false,
  continuous: false,
  supersede: false,
  waives: false,
  waiver: "",
  windows: draftWindows(),
  consent: draftConsent(),
};

/** `precondition`: whether there is one to waive. */
export function readPolicy(draft: DraftPolicy, precondition: boolean, reader: Reader): Policy {
  return {
    halt: readHalt(draft, reader),
    max_in_flight: reader.whole("/policy/max_in_flight", draft.maxInFlight),
    max_bytes_per_sec: reader.whole("/policy/max_bytes_per_sec", draft.bandwidth, { least: 16_384, most: 1_099_511_627_776 }),
    rate: readRate(draft, reader),
    timeouts: {
      offer_secs: reader.seconds("/policy/timeouts/offer_secs", draft.offerTimeout),
      step_secs: reader.seconds("/policy/timeouts/step_secs", draft.stepTimeout),
    },
    retry: readRetry(draft, reader),
    membership: draft.continuous ? "continuous" : "snapshot",
    supersede: draft.supersede,
    precondition_waiver: draft.waives && precondition ? reader.words("/policy/precondition_waiver", draft.waiver) : null,
    windows: readWindows(draft.windows, reader),
    consent: readConsent(draft.consent, reader),
  };
}

function readHalt(draft: DraftPolicy, reader: Reader): NonNullable<Policy["halt"]> {
  const at = "/policy/halt";
  const ratio = (name: string, typed: string) => {
    const pointer = `${at}/sequential/${name}`;
    return reader.needed(pointer, reader.share(pointer, typed, true), 0.01);
  };
  const sequential = draft.sequential
    ? {
        acceptable_ratio: ratio("acceptable_ratio", draft.acceptable),
        intolerable_ratio: ratio("intolerable_ratio", draft.intolerable),
        alpha: ratio("alpha", draft.alpha),
        beta: ratio("beta", draft.beta),
      }
    : null;
  if (sequential && (sequential.acceptable_ratio >= sequential.intolerable_ratio || sequential.intolerable_ratio >= 1)) {
    reader.fault(`${at}/sequential/intolerable_ratio`, planText().intolerableAbove);
  }
  for (const name of ["alpha", "beta"] as const) {
    if (sequential && sequential[name] >= 0.5) reader.fault(`${at}/sequential/${name}`, planText().belowHalf);
  }
  const thresholds = draft.thresholds.map((one, index) => {
    const pointer = `${at}/thresholds/${index}/failed_ratio`;
    const failed = reader.needed(pointer, reader.share(pointer, one.failed), 0);
    if (failed >= 1) reader.fault(pointer, planText().belowAll);
    const least = reader.whole(`${at}/thresholds/${index}/min_finished`, one.finished, { least: 0 });
    return { failed_ratio: failed, of: one.of, min_finished: least ?? 0 };
  });
  return { sequential, thresholds, silence_is_failure: draft.silenceIsFailure };
}

function readRate(draft: DraftPolicy, reader: Reader): NonNullable<Policy["rate"]> | null {
  const at = "/policy/rate";
  const perMinute = reader.whole(`${at}/per_minute`, draft.rate);
  if (!draft.adapts) return perMinute === null ? null : { per_minute: perMinute, adapt: null };
  const bound = (name: string, typed: string) => {
    const pointer = `${at}/adapt/${name}`;
    return reader.needed(pointer, reader.whole(pointer, typed), 1);
  };
  const [slowest, fastest] = [bound("min_per_minute", draft.slowest), bound("max_per_minute", draft.fastest)];
  const failed = reader.share(`${at}/adapt/failed_ratio`, draft.halvedAbove);
  const begins = reader.needed(`${at}/per_minute`, perMinute, slowest);
  if (slowest > fastest) reader.fault(`${at}/adapt/max_per_minute`, planText().fastestAbove);
  else if (begins < slowest || begins > fastest) reader.fault(`${at}/per_minute`, planText().rateBetween);
  const adapt = { min_per_minute: slowest, max_per_minute: fastest };
  return { per_minute: begins, adapt: failed === null ? adapt : { ...adapt, failed_ratio: failed } };
}

function readRetry(draft: DraftPolicy, reader: Reader): NonNullable<Policy["retry"]> | null {
  if (!draft.retries) return null;
  const at = "/policy/retry";
  const attempts = reader.whole(`${at}/max_attempts`, draft.attempts, { least: 2, most: 10 });
  const codes = [...new Set(draft.codes.split(/[\s,;]+/).filter((code) => code !== ""))];
  if (codes.length > 100 || codes.some((code) => code.length > 64)) reader.fault(`${at}/error_codes`, planText().codesFault);
  return {
    max_attempts: reader.needed(`${at}/max_attempts`, attempts, 2),
    backoff_secs: reader.needed(`${at}/backoff_secs`, reader.seconds(`${at}/backoff_secs`, draft.backoff), 600),
    error_codes: codes,
    timed_out: draft.retriesTimedOut,
  };
}

/** A policy as its fields have it. What it does not ask for keeps what a new one would propose. */
export function writtenPolicy(policy: Policy): DraftPolicy {
  const { halt, rate, retry, timeouts } = policy;
  const test = halt?.sequential;
  const number = (value: number | null | undefined) => (value == null ? "" : String(value));
  return {
    ...NEW_POLICY,
    ...(test == null
      ? { sequential: false }
      : {
          acceptable: writtenShare(test.acceptable_ratio),
          intolerable: writtenShare(test.intolerable_ratio),
          alpha: writtenShare(test.alpha ?? 0.01),
          beta: writtenShare(test.beta ?? 0.01),
        }),
    thresholds: (halt?.thresholds ?? []).map((one, key) => ({
      key,
      failed: writtenShare(one.failed_ratio),
      of: one.of,
      finished: one.min_finished ? String(one.min_finished) : "",
    })),
    silenceIsFailure: halt?.silence_is_failure ?? false,
    maxInFlight: number(policy.max_in_flight),
    bandwidth: number(policy.max_bytes_per_sec),
    rate: number(rate?.per_minute),
    ...(rate?.adapt == null
      ? {}
      : {
          adapts: true,
          slowest: number(rate.adapt.min_per_minute),
          fastest: number(rate.adapt.max_per_minute),
          halvedAbove: writtenShare(rate.adapt.failed_ratio),
        }),
    offerTimeout: writtenSeconds(timeouts?.offer_secs),
    stepTimeout: writtenSeconds(timeouts?.step_secs),
    ...(retry == null
      ? {}
      : {
          retries: true,
          attempts: String(retry.max_attempts),
          backoff: writtenSeconds(retry.backoff_secs),
          codes: (retry.error_codes ?? []).join(", "),
          retriesTimedOut: retry.timed_out ?? false,
        }),
    continuous: policy.membership === "continuous",
    supersede: policy.supersede ?? false,
    waives: policy.precondition_waiver != null,
    waiver: policy.precondition_waiver ?? "",
    windows: writtenWindows(policy.windows),
    consent: writtenConsent(policy.consent),
  };
}

/** How many vehicles a minute are offered it at most; undefined without a bound. */
export function fastestRate(draft: DraftPolicy): number | undefined {
  return numberOf(draft.adapts ? draft.fastest : draft.rate);
}
