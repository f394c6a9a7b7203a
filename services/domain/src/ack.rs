//! An acknowledgement: somebody's report of a step of an assignment. It is the only way in which the
//! state of an assignment changes, whether a vehicle, a gateway or the engine says it; the topic
//! `otaru.acks`, replayed from its beginning, gives the same rows again.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::assignment::AssignmentState;
use crate::id::{CampaignId, ModelId, Vin};

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

/// A step that a vehicle reports. What only the server decides (`assigned`, `offered`, `timed_out`,
/// `cancelled`, `superseded`) is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportedState {
    Accepted,
    Downloading,
    Downloaded,
    Installing,
    Installed,
    Declined,
    Failed,
    RolledBack,
}

impl From<ReportedState> for AssignmentState {
    fn from(state: ReportedState) -> Self {
        match state {
            ReportedState::Accepted => Self::Accepted,
            ReportedState::Downloading => Self::Downloading,
            ReportedState::Downloaded => Self::Downloaded,
            ReportedState::Installing => Self::Installing,
            ReportedState::Installed => Self::Installed,
            ReportedState::Declined => Self::Declined,
            ReportedState::Failed => Self::Failed,
            ReportedState::RolledBack => Self::RolledBack,
        }
    }
}

impl ReportedState {
    /// The sequence of a report whose client counts none: from the state's rank and the progress, so that steps
    /// that arrive shuffled order themselves, and the same report again is the same report.
    #[must_use]
    pub fn derived_sequence(self, progress_percent: Option<u8>) -> u64 {
        let rank = match self {
            Self::Accepted => 1,
            Self::Downloading => 2,
            Self::Downloaded => 3,
            Self::Installing => 4,
            Self::Installed => 5,
            Self::Declined => 6,
            Self::Failed => 7,
            Self::RolledBack => 8,
        };
        rank * 1000 + progress_percent.map_or(0, |percent| u64::from(percent) + 1)
    }
}

fn schema_version() -> u32 {
    SCHEMA_VERSION
}

/// What a vehicle posts: one step of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct AckReport {
    /// Version of this message's schema; 1.
    #[serde(default = "schema_version")]
    pub schema_version: u32,
    /// The vehicle's own id of this report: sent again, it is the same report. Without one it is
    /// derived from the report's other fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The campaign, as given in the update.
    pub campaign: CampaignId,
    /// The attempt, as given in the update; 1 for the first.
    #[schemars(range(min = 1))]
    #[schema(minimum = 1)]
    pub attempt: u32,
    /// Rises by one with every report of the attempt, from 1; at most 2^53 - 1.
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    #[schema(minimum = 1)]
    pub sequence: u64,
    pub state: ReportedState,
    /// How far the step is, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100))]
    #[schema(maximum = 100)]
    pub progress_percent: Option<u8>,
    /// How the vehicle fares after the installation; with `installed`, which may be reported again for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// A short code of a failure, the same for the same cause; at most 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[schema(max_length = 64)]
    pub error_code: Option<String>,
    /// What the vehicle wrote about the step; at most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16384))]
    #[schema(max_length = 16384)]
    pub log: Option<String>,
    /// Why the vehicle does not go on, reported with the step it is at; not with an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<VehicleWait>,
    /// When the step happened, by the vehicle's clock, which may be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<DateTime<Utc>>,
}

/// What a vehicle waits for before it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct VehicleWait {
    /// A short code; `precondition` and `window` are what the reference agent says. At most 64 bytes.
    #[schemars(length(min = 1, max = 64))]
    #[schema(min_length = 1, max_length = 64, example = "precondition")]
    pub code: String,
    /// The same for people, such as the clause that does not hold; at most 1024 bytes.
    #[schemars(length(max = 1024))]
    #[schema(max_length = 1024, example = "battery.soc >= 40")]
    pub text: String,
    /// When it will go on by itself, if it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// How a vehicle fares after an installation, by its own checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Healthy,
    Unhealthy,
}

impl Health {
    /// The name in JSON and SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Healthy, Self::Unhealthy].into_iter().find(|health| health.as_str() == text)
    }
}

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<DateTime<Utc>>,
    /// When the server took it.
    pub received_at: DateTime<Utc>,
}

/// Why a report is malformed. The message says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AckError {
    #[error("/attempt must be at least 1")]
    Attempt,
    #[error("/sequence must be 1 to 2^53 - 1")]
    Sequence,
    #[error("/campaign must be a positive number")]
    Campaign,
    #[error("/progress_percent must be 0 to 100")]
    Progress,
    #[error("/health goes with the state installed alone")]
    Health,
    #[error("/error_code is longer than {MAX_ERROR_CODE_BYTES} bytes")]
    ErrorCode,
    #[error("/log is longer than {MAX_LOG_BYTES} bytes")]
    Log,
    #[error(
        "/waiting_for takes a code of 1 to {MAX_ERROR_CODE_BYTES} bytes and a text of at most {MAX_WAIT_TEXT_BYTES}"
    )]
    Wait,
    #[error("/waiting_for does not go with an end")]
    WaitAtEnd,
}

impl AckReport {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// [`AckError`], which begins with the JSON pointer of the field.
    pub fn check(&self) -> Result<(), AckError> {
        if self.campaign < 1 {
            return Err(AckError::Campaign);
        }
        if self.attempt < 1 || i32::try_from(self.attempt).is_err() {
            return Err(AckError::Attempt);
        }
        if self.sequence < 1 || self.sequence > MAX_SEQUENCE {
            return Err(AckError::Sequence);
        }
        if self.progress_percent.is_some_and(|percent| percent > 100) {
            return Err(AckError::Progress);
        }
        if self.health.is_some() && self.state != ReportedState::Installed {
            return Err(AckError::Health);
        }
        if self.error_code.as_ref().is_some_and(|code| code.len() > MAX_ERROR_CODE_BYTES) {
            return Err(AckError::ErrorCode);
        }
        if self.log.as_ref().is_some_and(|log| log.len() > MAX_LOG_BYTES) {
            return Err(AckError::Log);
        }
        if let Some(wait) = &self.waiting_for {
            if AssignmentState::from(self.state).is_terminal() {
                return Err(AckError::WaitAtEnd);
            }
            if wait.code.is_empty() || wait.code.len() > MAX_ERROR_CODE_BYTES || wait.text.len() > MAX_WAIT_TEXT_BYTES {
                return Err(AckError::Wait);
            }
        }
        Ok(())
    }

    /// The message for the topic: the report, with who sent it and when it came.
    #[must_use]
    pub fn into_ack(self, vin: Vin, model: Option<ModelId>, received_at: DateTime<Utc>) -> Ack {
        let state = AssignmentState::from(self.state);
        Ack {
            schema_version: SCHEMA_VERSION,
            id: self.id.unwrap_or_else(|| {
                derived_id(Origin::Vehicle, &vin, self.campaign, self.attempt, self.sequence, state)
            }),
            origin: Origin::Vehicle,
            vin,
            model,
            campaign: self.campaign,
            attempt: self.attempt,
            sequence: self.sequence,
            state,
            progress_percent: self.progress_percent,
            health: self.health,
            error_code: self.error_code.map(without_nul),
            log: self.log.map(without_nul),
            waiting_for: self.waiting_for.map(|wait| VehicleWait {
                code: without_nul(wait.code),
                text: without_nul(wait.text),
                until: wait.until,
            }),
            reported_at: self.reported_at,
            received_at,
        }
    }
}

/// Postgres keeps no NUL in a text, and a log is no reason to lose a report.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', " ") } else { text }
}

/// `text` cut to so many bytes at most, between two characters.
#[must_use]
pub fn cut(mut text: String, max_bytes: usize) -> String {
    let end = (0..=max_bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    text
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
            reported_at: None,
            received_at: at,
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
