//! What a vehicle posts, and what is checked of it before it becomes a message.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;
use uuid::Uuid;

use super::detail::{Health, VehicleWait, without_nul};
use super::signature::AckSignature;
use super::{
    Ack, MAX_ERROR_CODE_BYTES, MAX_LOG_BYTES, MAX_SEQUENCE, MAX_WAIT_TEXT_BYTES, Origin, SCHEMA_VERSION, derived_id,
};
use crate::assignment::AssignmentState;
use crate::id::{CampaignId, HardwareId, ModelId, Vin};
use crate::inventory::MAX_ENTRIES;
use crate::version::MAX_VERSION_BYTES;

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
    /// What its ECUs run now, by hardware id, at most 256: with an end, above all after a rollback. The twin
    /// follows the inventory; this says what the report was about.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>, example = json!({"BCM": "1.4.2"}))]
    pub versions: BTreeMap<HardwareId, String>,
    /// When the step happened, by the vehicle's clock, which may be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<DateTime<Utc>>,
    /// By the vehicle's own key; where its model asks for it, what is not signed is not taken. With an `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<AckSignature>,
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
    #[error("/versions goes with an end alone: installed, declined, failed, rolled_back")]
    VersionsUnderWay,
    #[error("/versions takes at most {MAX_ENTRIES} ECUs, each with a version of 1 to {MAX_VERSION_BYTES} bytes")]
    Versions,
    #[error("/signature takes a key of 64 and a sig of 128 lowercase hexadecimal digits, and goes with an /id")]
    Signature,
}

impl AckReport {
    /// A report of the bare step.
    #[must_use]
    pub fn of(campaign: CampaignId, attempt: u32, sequence: u64, state: ReportedState) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            id: None,
            campaign,
            attempt,
            sequence,
            state,
            progress_percent: None,
            health: None,
            error_code: None,
            log: None,
            waiting_for: None,
            versions: BTreeMap::new(),
            reported_at: None,
            signature: None,
        }
    }

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
        let ended = AssignmentState::from(self.state).is_terminal();
        if !ended && !self.versions.is_empty() {
            return Err(AckError::VersionsUnderWay);
        }
        let known = |version: &String| (1..=MAX_VERSION_BYTES).contains(&version.len());
        if self.versions.len() > MAX_ENTRIES || !self.versions.values().all(known) {
            return Err(AckError::Versions);
        }
        if self.signature.as_ref().is_some_and(|one| self.id.is_none() || !one.is_well_formed()) {
            return Err(AckError::Signature);
        }
        if let Some(wait) = &self.waiting_for {
            if ended {
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
            versions: self.versions.into_iter().map(|(ecu, version)| (ecu, without_nul(version))).collect(),
            reported_at: self.reported_at,
            received_at,
            signature: self.signature,
        }
    }
}
