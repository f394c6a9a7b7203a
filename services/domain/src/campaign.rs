//! A campaign: a release for the vehicles that a target expression selects, in waves. Its state
//! changes only through [`CampaignState::on`], so that every caller refuses the same things.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
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

/// A step of a rollout plan, as an engineer asks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct WavePlan {
    /// The wave's share of the campaign's vehicles, above 0 and at most 1. The shares of all waves sum to 1.
    #[schema(minimum = 0, maximum = 1, example = 0.05)]
    pub share_ratio: f64,
    /// The next wave opens when this share of the wave has installed, 0 to 1.
    #[schema(minimum = 0, maximum = 1, example = 0.9)]
    pub gate_installed_ratio: f64,
}

/// The most waves a campaign may have.
pub const MAX_WAVES: usize = 100;

/// Why a rollout plan is refused. The message begins with the JSON pointer of the field.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PlanError {
    #[error("/waves needs 1 to {MAX_WAVES} waves")]
    Count,
    #[error("/waves/{0}/share_ratio must be above 0 and at most 1")]
    Share(usize),
    #[error("/waves/{0}/gate_installed_ratio must be 0 to 1")]
    Gate(usize),
    #[error("/waves: the shares sum to {0:.4}, they must sum to 1")]
    Sum(f64),
    #[error("/deadline must lie in the future")]
    DeadlinePast,
    #[error("/start_at must be before /deadline")]
    StartAfterDeadline,
}

/// Checks a rollout plan before anything is kept of it.
///
/// # Errors
/// The first [`PlanError`].
pub fn check_plan(
    waves: &[WavePlan],
    start_at: Option<DateTime<Utc>>,
    deadline: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), PlanError> {
    if waves.is_empty() || waves.len() > MAX_WAVES {
        return Err(PlanError::Count);
    }
    for (index, wave) in waves.iter().enumerate() {
        if !(wave.share_ratio > 0.0 && wave.share_ratio <= 1.0) {
            return Err(PlanError::Share(index));
        }
        if !(0.0..=1.0).contains(&wave.gate_installed_ratio) {
            return Err(PlanError::Gate(index));
        }
    }
    let sum: f64 = waves.iter().map(|wave| wave.share_ratio).sum();
    if (sum - 1.0).abs() > 1e-6 {
        return Err(PlanError::Sum(sum));
    }
    if deadline <= now {
        return Err(PlanError::DeadlinePast);
    }
    if start_at.is_some_and(|start| start >= deadline) {
        return Err(PlanError::StartAfterDeadline);
    }
    Ok(())
}

/// The last position (1-based, in rank order) of each wave among `members` vehicles. Every vehicle is
/// in exactly one wave; rounding favours the earlier wave, and a small campaign may have empty waves, but
/// the first wave has a vehicle if the campaign has.
#[must_use]
pub fn wave_ends(waves: &[WavePlan], members: u64) -> Vec<u64> {
    let mut share = 0.0;
    let mut ends: Vec<u64> = waves
        .iter()
        .map(|wave| {
            share += wave.share_ratio;
            share_of(share, members).max(members.min(1))
        })
        .collect();
    if let Some(last) = ends.last_mut() {
        *last = members;
    }
    ends
}

/// `ratio` of `n`, rounded up, and safe against 0.1 + 0.2.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "0 <= ratio <= 1 and n < 2^52"
)]
pub fn share_of(ratio: f64, n: u64) -> u64 {
    ((ratio * n as f64) - 1e-6).ceil().clamp(0.0, n as f64) as u64
}
