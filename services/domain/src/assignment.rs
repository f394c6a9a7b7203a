//! One vehicle in one campaign, and how reports of it merge.
//!
//! Reports arrive twice, late and out of order, so the state is no sequence of transitions but a
//! function of the *set* of reports: [`Track::merge`] keeps just enough of each attempt that every
//! order of arrival ends in the same track. Property tests shuffle histories against that promise.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use crate::ack::{Ack, Health, Origin};

/// The state of an assignment within its attempt. A later state implies the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentState {
    Assigned,
    Offered,
    Accepted,
    Downloading,
    Downloaded,
    Installing,
    Installed,
    Declined,
    Failed,
    RolledBack,
    Cancelled,
    Superseded,
    TimedOut,
}

impl AssignmentState {
    /// Every state, in the order of a funnel.
    pub const ALL: [Self; 13] = [
        Self::Assigned,
        Self::Offered,
        Self::Accepted,
        Self::Downloading,
        Self::Downloaded,
        Self::Installing,
        Self::Installed,
        Self::Declined,
        Self::Failed,
        Self::RolledBack,
        Self::Cancelled,
        Self::Superseded,
        Self::TimedOut,
    ];

    /// Whether the attempt has ended.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self >= Self::Installed
    }

    /// The names of the states that end an attempt.
    #[must_use]
    pub fn terminal_names() -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|state| state.is_terminal()).map(Self::as_str).collect()
    }

    /// An exit that the server decided: what the vehicle reports replaces it, for the truth is on the road.
    #[must_use]
    pub fn is_withdrawal(self) -> bool {
        matches!(self, Self::Cancelled | Self::Superseded | Self::TimedOut)
    }

    /// The name in JSON, SQL and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Offered => "offered",
            Self::Accepted => "accepted",
            Self::Downloading => "downloading",
            Self::Downloaded => "downloaded",
            Self::Installing => "installing",
            Self::Installed => "installed",
            Self::Declined => "declined",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
            Self::TimedOut => "timed_out",
        }
    }
}

impl fmt::Display for AssignmentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no assignment state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no assignment state")]
pub struct UnknownState(pub String);

impl FromStr for AssignmentState {
    type Err = UnknownState;
    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// A state with the sequence at which the vehicle reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported {
    pub state: AssignmentState,
    pub sequence: u64,
}

/// What is kept of an assignment's reports: enough to merge any further one, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    pub attempt: u32,
    /// The step that is furthest by sequence, then by rank; never terminal.
    pub step: Reported,
    /// How far that step is, 0 to 100.
    pub progress_percent: Option<u8>,
    /// The vehicle's first exit: exits are final within the attempt.
    pub exit: Option<Reported>,
    /// The last sequence at which the vehicle said `rolled_back`: it may follow `installed`.
    pub rolled_back: Option<u64>,
    /// What the server decided meanwhile; the vehicle's own exit outweighs it.
    pub withdrawn: Option<AssignmentState>,
    /// How the vehicle says it fares after the installation, by its newest report.
    pub health: Option<(u64, Health)>,
}

/// Why a report cannot be true. It goes to the dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Impossible {
    #[error("attempt {got} was never begun, the assignment is at attempt {current}")]
    UnknownAttempt { got: u32, current: u32 },
    #[error("{origin:?} cannot say {state}")]
    NotTheirs { origin: Origin, state: AssignmentState },
    #[error("the report claims a time more than 24 hours ahead of its receipt")]
    FarFuture,
}

impl Impossible {
    /// The reason's code in a dead letter's headers.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownAttempt { .. } => "unknown_attempt",
            Self::NotTheirs { .. } => "not_theirs",
            Self::FarFuture => "far_future",
        }
    }
}

impl Track {
    /// A new attempt, before anybody said anything.
    #[must_use]
    pub fn assigned(attempt: u32) -> Self {
        Self {
            attempt,
            step: Reported { state: AssignmentState::Assigned, sequence: 0 },
            progress_percent: None,
            exit: None,
            rolled_back: None,
            withdrawn: None,
            health: None,
        }
    }

    /// How an installed vehicle says it fares; of others it says nothing.
    #[must_use]
    pub fn installed_health(&self) -> Option<Health> {
        self.health.filter(|_| self.state() == AssignmentState::Installed).map(|(_, health)| health)
    }

    /// The state that follows from what was reported.
    #[must_use]
    pub fn state(&self) -> AssignmentState {
        match (self.exit, self.withdrawn) {
            (Some(exit), _)
                if exit.state == AssignmentState::Installed
                    && self.rolled_back.is_some_and(|at| at > exit.sequence) =>
            {
                AssignmentState::RolledBack
            }
            (Some(exit), _) => exit.state,
            (None, Some(withdrawn)) => withdrawn,
            (None, None) => self.step.state,
        }
    }

    /// Takes one report in. Gives whether the track changed: a repeated or late report changes nothing.
    ///
    /// # Errors
    /// [`Impossible`] when the report cannot be true; the track stays as it was.
    pub fn merge(&mut self, ack: &Ack) -> Result<bool, Impossible> {
        if !ack.origin_may_say_it() {
            return Err(Impossible::NotTheirs { origin: ack.origin, state: ack.state });
        }
        if ack.is_from_far_future() {
            return Err(Impossible::FarFuture);
        }
        let before = *self;
        if ack.attempt > self.attempt {
            if ack.origin != Origin::Engine || ack.state != AssignmentState::Assigned {
                return Err(Impossible::UnknownAttempt { got: ack.attempt, current: self.attempt });
            }
            *self = Self::assigned(ack.attempt);
        } else if ack.attempt == self.attempt {
            self.merge_same_attempt(ack);
        }
        Ok(*self != before)
    }

    fn merge_same_attempt(&mut self, ack: &Ack) {
        let reported = Reported { state: ack.state, sequence: ack.sequence };
        if ack.state.is_withdrawal() {
            self.withdrawn = Some(self.withdrawn.map_or(ack.state, |known| known.min(ack.state)));
        } else if ack.state.is_terminal() {
            if ack.state == AssignmentState::RolledBack {
                self.rolled_back = self.rolled_back.max(Some(ack.sequence));
            }
            let first = |known: Reported| {
                if (reported.sequence, reported.state) < (known.sequence, known.state) { reported } else { known }
            };
            self.exit = Some(self.exit.map_or(reported, first));
            self.health = self.health.max(ack.health.map(|health| (ack.sequence, health)));
        } else {
            // The same step reported again at the same sequence can only say more of its progress.
            let key = |step: Reported, progress: Option<u8>| (step.sequence, step.state, progress);
            if key(reported, ack.progress_percent) > key(self.step, self.progress_percent) {
                self.step = reported;
                self.progress_percent = ack.progress_percent;
            }
        }
    }
}
