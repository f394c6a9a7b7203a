/** What the pages keep in the URL's query. What cannot be understood counts as not said. */

import type { AssignmentFilter, CampaignFilter, VehicleFilter } from "../api/client";
import type { AuditFilter } from "../api/evidence";
import type { RehearsalSettings } from "../api/foresight";
import type { ExcludedFilter } from "../api/undo";
import { ASSIGNMENT_STATES, CAMPAIGN_STATES, EXCLUSION_REASONS } from "../rollout/states";

type Raw = Record<string, unknown>;
/** Without what was not said, so that the URL stays short. */
type Said<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function oneOf<T extends string>(known: readonly T[], value: unknown): T | undefined {
  return known.find((one) => one === value);
}

/** The router reads `123` as a number; a VIN's beginning or a code may look like one. */
function words(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value.slice(0, 100) : undefined;
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 ? value : undefined;
}

function time(value: unknown): string | undefined {
  return typeof value === "string" && !Number.isNaN(Date.parse(value)) ? value : undefined;
}

export function said<T extends object>(values: T): Said<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Said<T>;
}

export const readCampaigns = (raw: Raw): Said<CampaignFilter> => 
  said({ state: oneOf(CAMPAIGN_STATES, raw.state), release: wholeNumber(raw.release) });

export const readAssignments = (raw: Raw): Said<AssignmentFilter> =>
  said({
    state: oneOf(ASSIGNMENT_STATES, raw.state),
    wave: wholeNumber(raw.wave),
    error_code: words(raw.error_code),
    since: time(raw.since),
    until: time(raw.until),
  });

interface CampaignView extends AssignmentFilter {
  /** Failures by what the vehicles wrote, not by their code. */
  by?: "log" | undefined;
}

/** A campaign's page: its vehicles' filter, and how its failures are sorted. */
export const readCampaign = (raw: Raw): Said<CampaignView> =>
  said({ ...readAssignments(raw), by: raw.by === "log" ? ("log" as const) : undefined });

export const readRehearsal = (raw: Raw): Said<RehearsalSettings> =>
  said({
    seed: raw.seed === 0 ? 0 : wholeNumber(raw.seed),
    failure_ratio: typeof raw.failure_ratio === "number" && raw.failure_ratio > 0 && raw.failure_ratio <= 1 ? raw.failure_ratio : undefined,
  });

export const readExcluded = (raw: Raw): Said<ExcludedFilter> => said({ reason: oneOf(EXCLUSION_REASONS, raw.reason) });

export const readVehicles = (raw: Raw): Said<VehicleFilter> =>
  said({
    model: words(raw.model),
    region: words(raw.region),
    tag: words(raw.tag),
    vin_prefix: words(raw.vin_prefix),
  });

/** The API takes a vehicle or an object: of both, the vehicle. */
export function readAudit(raw: Raw): Said<AuditFilter> {
  const vin = words(raw.vin)?.toUpperCase();
  return said({
    actor: words(raw.actor),
    action: words(raw.action),
    object: vin === undefined ? words(raw.object) : undefined,
    vin,
    since: time(raw.since),
    until: time(raw.until),
  });
}

export const readAsOf = (raw: Raw): { at?: string } => said({ at: time(raw.at) });

export const readWizard = (raw: Raw): { release?: number } => said({ release: wholeNumber(raw.release) });
