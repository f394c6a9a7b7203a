/**
 * What the dashboard knows of the API. What the live stream brings is written down here and the generated `schema.d.ts`
 * is checked against it in `client.ts`; everything else is the generated type under its own name.
 */

import type { components } from "./schema";

type Schemas = components["schemas"];
export type Session = Schemas["Session"];
export type SignInOptions = Schemas["SignInOptions"];
export type Role = Schemas["Role"];
export type Vehicle = Schemas["Vehicle"];
export type Ecu = Schemas["Ecu"];
export type Model = Schemas["Model"];
export type NewModel = Schemas["NewModel"];
export type Artifact = Schemas["Artifact"];
export type Release = Schemas["Release"];
export type NewRelease = Schemas["NewRelease"];
export type Assignment = Schemas["Assignment"];
export type VehicleAssignment = Schemas["VehicleAssignment"];
export type WhyNot = Schemas["WhyNot"];
export type Report = Schemas["Report"];
export type DeadLetter = Schemas["DeadLetter"];
export type Token = Schemas["Token"];
export type PersonSession = Schemas["PersonSession"];
export type NewToken = Schemas["NewToken"];
export type IssuedToken = Schemas["IssuedToken"];
export type NewCampaign = Schemas["CampaignRequest"];
/** A wave as the wizard asks for it. */
export type WavePlan = Schemas["WavePlan"];
export type Ramp = Schemas["Ramp"];
export type Gate = Schemas["Gate"];
export type GateView = Schemas["GateView"];
export type Policy = Schemas["Policy"];
export type Pace = Schemas["Pace"];
export type Preview = Schemas["Preview"];
export type Exclusion = Schemas["Exclusion"];
export type ExclusionReason = Schemas["ExclusionReason"];
export type ExcludedVehicle = Schemas["ExcludedVehicle"];
export type ExcludedPage = Schemas["ExcludedPage"];
export type Undo = Schemas["Undo"];
export type Membership = Schemas["Membership"];
export type FailureCluster = Schemas["FailureCluster"];
export type FunnelDrop = Schemas["FunnelDrop"];
export type DropList = Schemas["DropList"];
export type EcuVersion = Schemas["EcuVersion"];
export type AuditVerification = Schemas["AuditVerification"];
export type Steps = Schemas["Steps"];
export type StuckVehicles = Schemas["StuckVehicles"];
export type SigningKey = Schemas["SigningKey"];
export type OnlineRole = Schemas["OnlineRole"];
export type MetadataExpiry = Schemas["MetadataExpiry"];
export type TriageCluster = Schemas["TriageCluster"];
export type Rehearsal = Schemas["Rehearsal"];
export type Forecast = Schemas["Forecast"];
export type FinishBand = Schemas["FinishBand"];
export type FleetSource = Schemas["FleetSource"];
export type LoadSpan = Schemas["LoadSpan"];
export type CampaignForecast = Schemas["CampaignForecast"];
export type PastForecast = Schemas["PastForecast"];
export type PastForecasts = Schemas["PastForecasts"];
export type BurnUp = Schemas["BurnUp"];
export type HardwareVersions = Schemas["HardwareVersions"];
export type EmergencyStop = Schemas["EmergencyStopView"];
export type Recalled = Schemas["Recalled"];
export type Retried = Schemas["Retried"];
export type CampaignChange = Schemas["CampaignChange"];
export type ReviewStep = Schemas["ReviewStep"];
export type AuditHead = Schemas["AuditHead"];
export type ReleaseEvidence = Schemas["ReleaseEvidence"];
export type NewReleaseEvidence = Schemas["NewReleaseEvidence"];
export type TypeApproval = Schemas["TypeApproval"];
export type Rxswin = Schemas["Rxswin"];
export type RxswinSoftware = Schemas["RxswinSoftware"];
export type RxswinVehicle = Schemas["RxswinVehicle"];
export type Group = Schemas["Group"];
export type NewGroup = Schemas["NewGroup"];
export type GroupChange = Schemas["GroupChange"];
export type GroupVehiclesChange = Schemas["GroupVehiclesChange"];
export type GroupVehiclesChanged = Schemas["GroupVehiclesChanged"];

/** A value of JSON whose shape the API's description leaves open. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type CampaignReview = Omit<Schemas["CampaignReview"], "content"> & { content: Json };
export type AuditEntry = Omit<Schemas["AuditEntry"], "details"> & { details: Json };

export type CampaignState =
  | "draft"
  | "in_review"
  | "scheduled"
  | "running"
  | "paused"
  | "halted"
  | "completed"
  | "cancelled";

/** Vehicles per assignment state; a state without vehicles may be missing. */
export type Counters = Readonly<Record<string, number>>;

export interface Wave {
  /** 1 for the first. */
  number: number;
  /** None of a wave by count or list, or of the rest. */
  share_ratio?: number | null;
  count?: number | null;
  expression?: string | null;
  /** So many vehicles are listed for it. */
  listed?: number | null;
  gate_installed_ratio: number;
  /** What else must hold. */
  gate: Gate;
  gate_state: GateView;
  /** Installed vehicles that said how they fare. */
  healthy: number;
  unhealthy: number;
  /** What counts for and against the release since it was last resumed after a halt. */
  finished: number;
  failed: number;
  approved_by?: string | null;
  /** So many more failures in a row would halt the campaign. */
  halts_after_failures?: number | null;
  /** Known once the campaign started. */
  size?: number | null;
  opened_at?: string | null;
  counters: Counters;
}

/** Why nothing more happens now: `text` for people, the rest for programs. */
export interface WaitingOn {
  code: string;
  text: string;
  at?: string;
  left?: number;
  deadline?: string;
  wave?: number;
  installed?: number;
  needed?: number;
  size?: number;
  ratio?: number;
  reported?: number;
  healthy?: number;
  told?: number;
  /** Vehicles that are tried again. */
  pending?: number;
  until?: string | null;
  /** What a gate still wants. */
  wants?: string;
}

export interface Campaign {
  id: number;
  name: string;
  release: number;
  /** Of several campaigns for a vehicle, the highest goes first. */
  priority: number;
  target: string;
  precondition?: string | null;
  policy: Policy;
  /** The rate it has now, where that adapts. */
  pace?: Pace | null;
  start_at?: string | null;
  deadline: string;
  state: CampaignState;
  state_reason?: string | null;
  state_by: string;
  state_at: string;
  /** Known once it started. */
  members?: number | null;
  started_at?: string | null;
  ended_at?: string | null;
  /** The exit of what is left, once it is being closed. */
  closing?: string | null;
  created_at: string;
  created_by: string;
  /** The commands its state takes now. */
  allowed: readonly string[];
  waiting_on: WaitingOn;
  waves: readonly Wave[];
  counters: Counters;
}

export interface Page<T> {
  items: readonly T[];
  next_cursor?: string | null;
}

export interface FleetModel {
  model: string;
  name: string;
  vehicles: number;
  /** Heard by a gateway within three of its poll intervals. */
  online: number;
}

export interface Fleet {
  /** In service, of all models. */
  vehicles: number;
  online: number;
  /** When gateways last noted somebody; null as long as none has. */
  online_as_of?: string | null;
  models: readonly FleetModel[];
  /** Campaigns per campaign state. */
  campaigns: Counters;
  /** Nobody has sent them again. */
  dead_letters: number;
  ingest: {
    /** Acks not yet applied; missing while nobody has measured. */
    lag_messages?: number | null;
    /** The age of the oldest of them. */
    lag_seconds?: number | null;
  };
}

/** `event: progress` in the stream: the answer of `GET /campaigns/{id}/progress`. */
export interface Progress {
  campaign: number;
  state?: CampaignState;
  members?: number | null;
  counters: Counters;
  waves: readonly Partial<Wave>[];
  waiting_on?: WaitingOn;
}

/** An event, as on `otaru.events`. */
export interface LiveEvent {
  id: number;
  at: string;
  actor: string;
  type: string;
  campaign?: number;
  model?: string;
  release?: number;
  wave?: number;
  vehicles?: number;
  left?: number;
  reason?: string | null;
  from?: CampaignState;
  to?: CampaignState;
}

export const COMMANDS = ["start", "pause", "resume", "cancel"] as const;
/** What a person may ask of a campaign; `halt` and `complete` are the engine's. */
export type Command = (typeof COMMANDS)[number];
