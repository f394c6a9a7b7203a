//! Campaigns and their waves as they stand. What follows from a campaign's columns is asked of the domain;
//! what an impossible combination of them means is said here, and never guessed.

mod change;
mod counters;
mod publication;
mod standing;
mod waves;

use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::campaign::CampaignState;
use otaru_domain::id::{CampaignId, ReleaseId, VehicleId};
use otaru_domain::rollout::{Consent, Membership, Policy};
use sqlx::FromRow;
use sqlx::types::Json;

pub use change::{
    NewCampaign, Settings, create, lock, revise, set_closing, set_reason, set_state, set_sweep_after, set_swept,
};
pub(crate) use change::{add_members, set_members};
pub(crate) use publication::parse_models;
pub use publication::{
    CampaignImage, CampaignRelease, ended_documents, image_bytes, images, models, of_release, published_models, release,
};
pub use standing::{Standing, left, page, standing, unfinished};
pub use waves::{Wave, approve, forgive, note_gate, waves_of};

use crate::StoreError;

/// What a campaign asks of vehicles' clients that not every client can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// To evaluate a precondition, which nobody waived.
    pub signals: bool,
    /// To ask the driver.
    pub driver: bool,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    pub id: CampaignId,
    pub name: String,
    pub release: ReleaseId,
    /// CEL, checked when it was created.
    pub target: String,
    pub precondition: Option<String>,
    pub policy: Policy,
    /// Of several campaigns for a vehicle, the highest goes first.
    pub priority: i32,
    pub state: CampaignState,
    pub state_reason: Option<String>,
    pub state_by: String,
    pub state_at: DateTime<Utc>,
    pub start_at: Option<DateTime<Utc>>,
    pub deadline: DateTime<Utc>,
    pub salt: String,
    /// How many vehicles it has, once started.
    pub members: Option<u64>,
    pub started_at: Option<DateTime<Utc>>,
    /// The exit of what is left, once it is being closed.
    pub closing: Option<AssignmentState>,
    pub sweep_after: VehicleId,
    pub swept_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
}

/// A campaign that the service drafted for another one: as a step to it, or to take it back.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Prepared {
    pub id: CampaignId,
    pub release_id: ReleaseId,
    pub target: String,
    /// The vehicles that it is for.
    pub vehicles: i64,
}

impl Campaign {
    /// Whether vehicles that come to match later join while it runs.
    #[must_use]
    pub fn is_continuous(&self) -> bool {
        self.policy.membership == Membership::Continuous
    }

    /// What it asks of a vehicle's client.
    #[must_use]
    pub fn needs(&self) -> Needs {
        Needs {
            signals: self.precondition.is_some() && self.policy.precondition_waiver.is_none(),
            driver: self.policy.consent.as_ref().is_some_and(Consent::must_ask),
        }
    }
}

#[derive(FromRow)]
struct Row {
    id: i64,
    name: String,
    release_id: i64,
    target: String,
    precondition: Option<String>,
    policy: Json<Policy>,
    priority: i32,
    state: String,
    state_reason: Option<String>,
    state_by: String,
    state_at: DateTime<Utc>,
    start_at: Option<DateTime<Utc>>,
    deadline: DateTime<Utc>,
    salt: String,
    members: Option<i64>,
    started_at: Option<DateTime<Utc>>,
    closing: Option<String>,
    sweep_after: i64,
    swept_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    created_by: String,
}

/// `SELECT` with every column of a campaign.
macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT id, name, release_id, target, precondition, policy, priority, state, state_reason, state_by, state_at, start_at, ",
            "deadline, salt, members, started_at, closing, sweep_after, swept_at, ended_at, created_at, created_by ",
            "FROM campaigns ",
            $tail
        )
    };
}
use select;

pub(crate) fn unsigned(table: &'static str, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::inconsistent(table, format!("{value} where a count should be")))
}

impl TryFrom<Row> for Campaign {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let wrong = |what: String| StoreError::inconsistent("campaigns", format!("campaign {}: {what}", row.id));
        let state: CampaignState = row.state.parse().map_err(|error| wrong(format!("{error}")))?;
        let closing = row.closing.as_deref().map(str::parse::<AssignmentState>).transpose();
        let closing = closing.map_err(|error| wrong(format!("{error}")))?;
        if state.is_under_way() && (row.started_at.is_none() || row.members.is_none()) {
            return Err(wrong(format!("{state}, but never started")));
        }
        if state.has_ended() != row.ended_at.is_some() {
            return Err(wrong(format!("{state}, and ended_at is {:?}", row.ended_at)));
        }
        Ok(Self {
            id: row.id,
            name: row.name,
            release: row.release_id,
            target: row.target,
            precondition: row.precondition,
            policy: row.policy.0,
            priority: row.priority,
            state,
            state_reason: row.state_reason,
            state_by: row.state_by,
            state_at: row.state_at,
            start_at: row.start_at,
            deadline: row.deadline,
            salt: row.salt,
            members: row.members.map(|members| unsigned("campaigns", members)).transpose()?,
            started_at: row.started_at,
            closing,
            sweep_after: row.sweep_after,
            swept_at: row.swept_at,
            ended_at: row.ended_at,
            created_at: row.created_at,
            created_by: row.created_by,
        })
    }
}
