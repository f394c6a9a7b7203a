//! An acknowledgement: somebody's report of a step of an assignment. It is the only way in which the
//! state of an assignment changes, whether a vehicle, a gateway or the engine says it; the topic
//! `otaru.acks`, replayed from its beginning, gives the same rows again.

mod detail;
mod report;
mod signature;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::detail::{Health, VehicleWait, cut};
pub use self::report::{AckError, AckReport, ReportedState};
pub use self::signature::{
    AckKey, AckSignature, KEY_EXPECTED, SignatureError, SignaturePolicy, judge, judge_stored, parse_key,
};
pub(crate) use self::signature::{signer, taken_at};
use crate::assignment::AssignmentState;
use crate::id::{CampaignId, HardwareId, ModelId, Vin};

/// The version written into every message. Additions keep it; a reader ignores fields it does not know.
pub const SCHEMA_VERSION: u32 = 1;
/// The longest log a report may carry, in bytes.
pub const MAX_LOG_BYTES: usize = 16 * 1024;
/// The longest text of what a vehicle waits for.
pub const MAX_WAIT_TEXT_BYTES: usize = 1024;
/// The longest error code, in bytes.
pub const MAX_ERROR_CODE_BYTES: usize = 64;
/// The highest sequence and attempt: exact in JSON and in Postgres.
pub const MAX_SEQUENCE: u64 = (1 << 53) - 1;
/// How far a report's own time may run ahead of its receipt before it is taken for nonsense.
pub const MAX_AHEAD: TimeDelta = TimeDelta::hours(24);

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Vehicle,
    Gateway,
    Engine,
}

/// A message on `otaru.acks`, key VIN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Ack {
    /// Version of this message's schema; 1.
    pub schema_version: u32,
    /// Identifies the report: applied once, however often it arrives.
    pub id: Uuid,
    pub origin: Origin,
    pub vin: Vin,
    /// The model in the vehicle's credential, where the writer knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    pub campaign: CampaignId,
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// The vehicle's sequence within the attempt; 0 from a gateway and the engine.
    pub sequence: u64,
    pub state: AssignmentState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_percent: Option<u8>,
    /// With `installed` alone: how the vehicle fares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<VehicleWait>,
    /// With an end: what the vehicle's ECUs run then, by hardware id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub versions: BTreeMap<HardwareId, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<DateTime<Utc>>,
    /// When the server took it.
    pub received_at: DateTime<Utc>,
    /// The vehicle's own, of what it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<AckSignature>,
}

impl Ack {
    /// What a gateway or the engine says. Saying it twice gives the same id, so it counts once.
    #[must_use]
    pub fn by_server(
        origin: Origin,
        vin: Vin,
        campaign: CampaignId,
        attempt: u32,
        state: AssignmentState,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            id: derived_id(origin, &vin, campaign, attempt, 0, state),
            origin,
            vin,
            model: None,
            campaign,
            attempt,
            sequence: 0,
            state,
            progress_percent: None,
            health: None,
            error_code: None,
            log: None,
            waiting_for: None,
            versions: BTreeMap::new(),
            reported_at: None,
            received_at: at,
            signature: None,
        }
    }

    /// Whether the report claims a time so far ahead of its receipt that its clock cannot be trusted.
    #[must_use]
    pub fn is_from_far_future(&self) -> bool {
        self.reported_at.is_some_and(|at| at > self.received_at + MAX_AHEAD)
    }

    /// Whether `origin` may say `state` at all: each of the three writers has its own words.
    #[must_use]
    pub fn origin_may_say_it(&self) -> bool {
        use AssignmentState as S;
        match self.origin {
            Origin::Vehicle => {
                !matches!(self.state, S::Assigned | S::Offered | S::TimedOut | S::Cancelled | S::Superseded)
            }
            Origin::Gateway => matches!(self.state, S::Offered | S::Cancelled),
            Origin::Engine => matches!(self.state, S::Assigned | S::TimedOut | S::Cancelled | S::Superseded),
        }
    }
}

/// A name-based id (RFC 9562, version 5) over what makes a report the same report.
fn derived_id(
    origin: Origin,
    vin: &Vin,
    campaign: CampaignId,
    attempt: u32,
    sequence: u64,
    state: AssignmentState,
) -> Uuid {
    let name = format!("otaru.ack/{origin:?}/{vin}/{campaign}/{attempt}/{sequence}/{state}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}
