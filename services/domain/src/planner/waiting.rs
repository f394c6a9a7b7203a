//! Why a campaign does nothing now, for programs and for people.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::campaign::CampaignState;
use crate::rollout::Unmet;

/// Why nothing more happens now. `Display` is what an admin reads; the tag is for programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Waiting {
    /// The campaign was not submitted yet.
    Submission,
    StartTime {
        at: DateTime<Utc>,
    },
    /// Somebody paused it, or it was halted.
    Resume {
        state: CampaignState,
    },
    /// The gate of this wave, before the next one opens.
    Gate {
        wave: u32,
        #[serde(flatten)]
        unmet: Unmet,
    },
    /// Too many of the wave have ended otherwise: the gate cannot hold any more.
    GateUnreachable {
        wave: u32,
        #[serde(flatten)]
        unmet: Unmet,
    },
    /// All waves are open.
    Vehicles {
        left: u64,
        deadline: DateTime<Utc>,
    },
    /// Of a continuous campaign: nobody is in this wave yet, so nothing is known of how it goes.
    EmptyWave {
        wave: u32,
    },
    /// Of a continuous campaign: all have ended, and others may join.
    Joiners {
        deadline: DateTime<Utc>,
    },
    /// All have ended, and some of those that failed are tried again.
    Retries {
        pending: u64,
    },
    /// What was withdrawn is not all applied yet.
    Withdrawals {
        left: u64,
    },
    /// It has ended.
    Nothing,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submission => f.write_str("waits to be started"),
            Self::StartTime { at } => write!(f, "starts at {}", at.format("%Y-%m-%d %H:%M:%S UTC")),
            Self::Resume { state } => {
                write!(f, "is {state}: waits for somebody to resume or cancel it")
            }
            Self::Gate { wave, unmet: Unmet::Approval } => {
                write!(f, "wave {} opens when a person approves how wave {wave} went", wave + 1)
            }
            Self::Gate { wave, unmet } => write!(f, "wave {} opens when in wave {wave} {unmet}", wave + 1),
            Self::GateUnreachable { wave, unmet } => {
                write!(f, "wave {} cannot open any more: it needs that in wave {wave} {unmet}", wave + 1)
            }
            Self::Vehicles { left, deadline } => {
                write!(
                    f,
                    "all waves are open: {left} vehicles are left, until {}",
                    deadline.format("%Y-%m-%d %H:%M:%S UTC")
                )
            }
            Self::EmptyWave { wave } => write!(f, "goes on when vehicles have joined wave {wave}"),
            Self::Joiners { deadline } => {
                let until = deadline.format("%Y-%m-%d %H:%M:%S UTC");
                write!(f, "all its vehicles have reached an end: others may join until {until}")
            }
            Self::Retries { pending } => write!(f, "{pending} vehicles that failed are about to try again"),
            Self::Withdrawals { left } => {
                write!(f, "is closing: {left} vehicles are being withdrawn")
            }
            Self::Nothing => f.write_str("has ended"),
        }
    }
}
