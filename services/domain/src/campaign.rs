//! A campaign: a release for the vehicles that a target expression selects, in waves. Its state
//! changes only through [`CampaignState::on`], so that every caller refuses the same things.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

/// Where a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    Draft,
    InReview,
    Scheduled,
    Running,
    Paused,
    Halted,
    Completed,
    Cancelled,
}

impl CampaignState {
    pub const ALL: [Self; 8] = [
        Self::Draft,
        Self::InReview,
        Self::Scheduled,
        Self::Running,
        Self::Paused,
        Self::Halted,
        Self::Completed,
        Self::Cancelled,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InReview => "in_review",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Halted => "halted",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether its membership is frozen and it has not ended.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Halted)
    }

    /// Whether it has ended for good.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }

    /// The state after `command`.
    ///
    /// # Errors
    /// [`TransitionError`] when the command is not allowed in this state, with what is.
    pub fn on(self, command: Command) -> Result<Self, TransitionError> {
        let refused = TransitionError { state: self, command };
        match (self, command) {
            (Self::Draft, Command::Submit) | (Self::InReview, Command::Approve) => Ok(Self::InReview),
            (Self::InReview, Command::Reject) => Ok(Self::Draft),
            (Self::Draft | Self::InReview, Command::Schedule) => Ok(Self::Scheduled),
            (Self::Draft | Self::InReview | Self::Scheduled, Command::Start)
            | (Self::Paused | Self::Halted, Command::Resume) => Ok(Self::Running),
            (Self::Running, Command::Pause) => Ok(Self::Paused),
            (Self::Running | Self::Paused, Command::Halt) => Ok(Self::Halted),
            (Self::Running | Self::Paused | Self::Halted, Command::Complete) => Ok(Self::Completed),
            (state, Command::Cancel) if !state.has_ended() => Ok(Self::Cancelled),
            _ => Err(refused),
        }
    }

    /// The commands that [`Self::on`] takes now.
    #[must_use]
    pub fn allowed(self) -> Vec<Command> {
        Command::ALL.into_iter().filter(|command| self.on(*command).is_ok()).collect()
    }
}

impl fmt::Display for CampaignState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no campaign state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no campaign state")]
pub struct UnknownCampaignState(pub String);

impl FromStr for CampaignState {
    type Err = UnknownCampaignState;
    fn from_str(text: &str) -> Result<Self, UnknownCampaignState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownCampaignState(text.to_owned()))
    }
}

/// What is asked of a campaign. `Halt` and `Complete` are the engine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    Submit,
    /// What is in review stays so; that it was approved is [`crate::review`]'s.
    Approve,
    Reject,
    Schedule,
    Start,
    Pause,
    Resume,
    Halt,
    Complete,
    Cancel,
}

impl Command {
    pub const ALL: [Self; 10] = [
        Self::Submit,
        Self::Approve,
        Self::Reject,
        Self::Schedule,
        Self::Start,
        Self::Pause,
        Self::Resume,
        Self::Halt,
        Self::Complete,
        Self::Cancel,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Schedule => "schedule",
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Halt => "halt",
            Self::Complete => "complete",
            Self::Cancel => "cancel",
        }
    }
}

/// A command that the state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransitionError {
    pub state: CampaignState,
    pub command: Command,
}

impl fmt::Display for TransitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allowed: Vec<_> = self.state.allowed().into_iter().map(Command::as_str).collect();
        write!(f, "cannot {} a campaign that is {}", self.command.as_str(), self.state)?;
        match allowed.as_slice() {
            [] => f.write_str("; it has ended"),
            allowed => write!(f, "; allowed now: {}", allowed.join(", ")),
        }
    }
}

impl std::error::Error for TransitionError {}
