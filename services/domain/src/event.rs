//! What happened, for whoever wants to follow: dashboards by SSE, other systems by `otaru.events`.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::campaign::CampaignState;
use crate::id::{CampaignId, ModelId, ReleaseId};

/// What happened to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    ModelCreated {
        model: ModelId,
    },
    /// The model's root was signed and its repository published.
    ModelActivated {
        model: ModelId,
    },
    ReleaseLocked {
        release: ReleaseId,
    },
    CampaignCreated {
        campaign: CampaignId,
    },
    /// What it is was changed; an approval it had counts no more.
    CampaignChanged {
        campaign: CampaignId,
    },
    /// Another person approved the content with this SHA-256.
    CampaignApproved {
        campaign: CampaignId,
        digest: String,
    },
    CampaignStateChanged {
        campaign: CampaignId,
        from: CampaignState,
        to: CampaignState,
        /// Why, in the words of whoever did it; a VIN in it is replaced by the vehicle's row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Too many failed. `reason` says so in words.
    CampaignHalted {
        campaign: CampaignId,
        wave: u32,
        reason: String,
    },
    /// A person approved how the wave went.
    WaveApproved {
        campaign: CampaignId,
        wave: u32,
    },
    /// Vehicles that had failed or timed out begin another attempt.
    VehiclesRetried {
        campaign: CampaignId,
        vehicles: u64,
    },
    /// Vehicles were silent for longer than the campaign's policy allows.
    VehiclesTimedOut {
        campaign: CampaignId,
        vehicles: u64,
    },
    ReleaseRecalled {
        release: ReleaseId,
        reason: String,
    },
    /// Nothing is offered to anybody any more.
    EmergencyStopped {
        reason: String,
    },
    EmergencyStopLifted {
        reason: Option<String>,
    },
    WaveOpened {
        campaign: CampaignId,
        wave: u32,
        vehicles: u64,
    },
    /// Past the deadline or cancelled: what is left is being withdrawn.
    CampaignClosing {
        campaign: CampaignId,
        left: u64,
    },
}

/// A message on `otaru.events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Event {
    /// Version of this message's schema; 1.
    pub schema_version: u32,
    /// Rises with every event; the id in the event stream, so that a reader can go on after it.
    pub id: i64,
    pub at: DateTime<Utc>,
    /// Who did it: `engine`, or a person's token by name.
    pub actor: String,
    #[serde(flatten)]
    pub kind: EventKind,
}
