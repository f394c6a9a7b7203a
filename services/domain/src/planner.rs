//! The rollout planner: from the facts of one campaign to what should happen now, and to what it
//! waits for otherwise. Pure, so that a halt or a wave can be explained, replayed and rehearsed; the
//! reconciler in `campaign` carries the actions out and asks again.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::assignment::AssignmentState;
use crate::campaign::{CampaignState, share_of};

/// Vehicles per state.
pub type StateCounts = BTreeMap<AssignmentState, u64>;

/// What the planner knows of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignFacts {
    pub state: CampaignState,
    /// Not before this time.
    pub start_at: Option<DateTime<Utc>>,
    /// What is left then is withdrawn.
    pub deadline: DateTime<Utc>,
    /// Set once the campaign is being closed: the exit that what is left gets.
    pub closing: Option<AssignmentState>,
    /// Whether all that was left has been withdrawn.
    pub swept: bool,
    pub waves: Vec<WaveFacts>,
}

/// What the planner knows of a wave.
#[derive(Debug, Clone, PartialEq)]
pub struct WaveFacts {
    /// 1 for the first.
    pub number: u32,
    /// Vehicles in the wave.
    pub size: u64,
    pub opened_at: Option<DateTime<Utc>>,
    /// The share of the wave that must have installed before the next opens.
    pub gate_installed_ratio: f64,
    pub counts: StateCounts,
}

impl WaveFacts {
    fn installed(&self) -> u64 {
        self.counts.get(&AssignmentState::Installed).copied().unwrap_or(0)
    }

    fn ended(&self) -> u64 {
        self.counts.iter().filter(|(state, _)| state.is_terminal()).map(|(_, n)| n).sum()
    }

    /// Vehicles that must have installed for the gate to hold.
    fn needed(&self) -> u64 {
        share_of(self.gate_installed_ratio, self.size)
    }
}

/// What should happen now, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A scheduled campaign's time has come.
    Start,
    OpenWave {
        number: u32,
    },
    /// The deadline has passed: nothing more is offered, what is left times out.
    Close,
    /// Withdraw what is left of a closing campaign.
    Sweep,
    Complete,
}

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
    Gate {
        wave: u32,
        installed: u64,
        needed: u64,
        size: u64,
        ratio: f64,
    },
    /// Too many of the wave have ended otherwise: the gate cannot hold any more.
    GateUnreachable {
        wave: u32,
        installed: u64,
        needed: u64,
        still_possible: u64,
    },
    /// All waves are open.
    Vehicles {
        left: u64,
        deadline: DateTime<Utc>,
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
            Self::Gate { wave, installed, needed, size, ratio } => write!(
                f,
                "wave {} opens when {:.1} % of the {size} vehicles in wave {wave} have installed ({needed}): {installed} so far",
                wave + 1,
                ratio * 100.0
            ),
            Self::GateUnreachable { wave, installed, needed, still_possible } => write!(
                f,
                "wave {} cannot open: it needs {needed} installed in wave {wave}, {installed} have and only {still_possible} still can",
                wave + 1
            ),
            Self::Vehicles { left, deadline } => {
                write!(
                    f,
                    "all waves are open: {left} vehicles are left, until {}",
                    deadline.format("%Y-%m-%d %H:%M:%S UTC")
                )
            }
            Self::Withdrawals { left } => {
                write!(f, "is closing: {left} vehicles are being withdrawn")
            }
            Self::Nothing => f.write_str("has ended"),
        }
    }
}

/// The planner's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub actions: Vec<Action>,
    pub waiting_on: Waiting,
}

impl Plan {
    fn act(actions: Vec<Action>, waiting_on: Waiting) -> Self {
        Self { actions, waiting_on }
    }

    fn wait(waiting_on: Waiting) -> Self {
        Self { actions: Vec::new(), waiting_on }
    }
}

/// What `campaign` should do at `now`.
#[must_use]
pub fn plan(campaign: &CampaignFacts, now: DateTime<Utc>) -> Plan {
    match campaign.state {
        CampaignState::Draft | CampaignState::InReview => Plan::wait(Waiting::Submission),
        CampaignState::Scheduled => match campaign.start_at {
            Some(at) if at > now => Plan::wait(Waiting::StartTime { at }),
            due => Plan::act(vec![Action::Start], Waiting::StartTime { at: due.unwrap_or(now) }),
        },
        CampaignState::Completed => Plan::wait(Waiting::Nothing),
        CampaignState::Cancelled if campaign.swept || campaign.closing.is_none() => Plan::wait(Waiting::Nothing),
        CampaignState::Cancelled => Plan::act(vec![Action::Sweep], Waiting::Withdrawals { left: left(campaign) }),
        _ if campaign.closing.is_some() => plan_closing(campaign),
        _ if now >= campaign.deadline => Plan::act(vec![Action::Close], Waiting::Withdrawals { left: left(campaign) }),
        CampaignState::Paused | CampaignState::Halted if left(campaign) == 0 => {
            Plan::act(vec![Action::Complete], Waiting::Nothing)
        }
        state @ (CampaignState::Paused | CampaignState::Halted) => Plan::wait(Waiting::Resume { state }),
        CampaignState::Running => plan_running(campaign),
    }
}

fn plan_closing(campaign: &CampaignFacts) -> Plan {
    let waiting = Waiting::Withdrawals { left: left(campaign) };
    if !campaign.swept {
        Plan::act(vec![Action::Sweep], waiting)
    } else if left(campaign) == 0 {
        Plan::act(vec![Action::Complete], Waiting::Nothing)
    } else {
        Plan::wait(waiting)
    }
}

fn plan_running(campaign: &CampaignFacts) -> Plan {
    let mut actions = Vec::new();
    let mut before: Option<&WaveFacts> = None;
    for wave in &campaign.waves {
        if wave.opened_at.is_none() {
            if let Some(gate) = before.filter(|gate| gate.installed() < gate.needed()) {
                return Plan::act(actions, gate_waiting(gate));
            }
            actions.push(Action::OpenWave { number: wave.number });
            // What was opened just now has no counts yet: only an empty wave lets the next one follow at once.
            if wave.size > 0 {
                let is_last = campaign.waves.last().is_some_and(|last| last.number == wave.number);
                let vehicles = Waiting::Vehicles { left: left(campaign), deadline: campaign.deadline };
                return Plan::act(actions, if is_last { vehicles } else { gate_waiting(wave) });
            }
        }
        before = Some(wave);
    }
    match left(campaign) {
        0 => {
            actions.push(Action::Complete);
            Plan::act(actions, Waiting::Nothing)
        }
        left => Plan::act(actions, Waiting::Vehicles { left, deadline: campaign.deadline }),
    }
}

fn gate_waiting(gate: &WaveFacts) -> Waiting {
    let installed = gate.installed();
    let still_possible = gate.size.saturating_sub(gate.ended());
    if installed + still_possible < gate.needed() {
        Waiting::GateUnreachable { wave: gate.number, installed, needed: gate.needed(), still_possible }
    } else {
        Waiting::Gate {
            wave: gate.number,
            installed,
            needed: gate.needed(),
            size: gate.size,
            ratio: gate.gate_installed_ratio,
        }
    }
}

/// Vehicles of the campaign that have not reached an end.
fn left(campaign: &CampaignFacts) -> u64 {
    campaign.waves.iter().map(|wave| wave.size.saturating_sub(wave.ended())).sum()
}
