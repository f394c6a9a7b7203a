//! The rollout planner: from the facts of one campaign to what should happen now, and to what it
//! waits for otherwise. Pure, so that a halt or a wave can be explained, replayed and rehearsed; the
//! reconciler in `campaign` carries the actions out and asks again.

mod waiting;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::assignment::AssignmentState;
use crate::campaign::CampaignState;
use crate::rollout::{Gate, GateFacts, HaltPolicy, HaltReason, Outcomes, halts};

pub use waiting::Waiting;

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
    /// Whether vehicles may still join: then it does not end before its deadline.
    pub continuous: bool,
    pub halt: HaltPolicy,
    /// Vehicles that have ended and will be tried again.
    pub pending_retries: u64,
    pub waves: Vec<WaveFacts>,
}

/// What the planner knows of a wave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WaveFacts {
    /// 1 for the first.
    pub number: u32,
    /// Vehicles in the wave.
    pub size: u64,
    pub opened_at: Option<DateTime<Utc>>,
    /// The share of the wave that must have installed before the next opens.
    pub gate_installed_ratio: f64,
    /// What else must hold.
    pub gate: Gate,
    pub counts: StateCounts,
    /// How earlier attempts of its vehicles ended: a retry undoes no failure.
    pub earlier: StateCounts,
    /// Vehicles that told how they fare after the installation.
    pub healthy: u64,
    pub unhealthy: u64,
    /// Ends and failures there were when the campaign was last resumed after a halt.
    pub forgiven: Outcomes,
    /// Since when all of the gate but soak and approval has held.
    pub gate_met_at: Option<DateTime<Utc>>,
    pub approved_at: Option<DateTime<Utc>>,
}

impl WaveFacts {
    fn of(&self, states: &[AssignmentState]) -> u64 {
        states.iter().filter_map(|state| self.counts.get(state)).sum()
    }

    fn ended(&self) -> u64 {
        self.counts.iter().filter(|(state, _)| state.is_terminal()).map(|(_, n)| n).sum()
    }

    /// What its gate is judged by.
    #[must_use]
    pub fn gate_facts(&self, halt: &HaltPolicy) -> GateFacts {
        use AssignmentState as S;
        let silent = if halt.silence_is_failure { self.of(&[S::TimedOut]) } else { 0 };
        GateFacts {
            size: self.size,
            installed: self.of(&[S::Installed]),
            reported: self.of(&[S::Installed, S::Failed, S::RolledBack, S::Declined]) + silent,
            left: self.size.saturating_sub(self.ended()),
            healthy: self.healthy,
            unhealthy: self.unhealthy,
            opened_at: self.opened_at,
            met_at: self.gate_met_at,
            approved_at: self.approved_at,
        }
    }

    /// How its vehicles have ended in all, every attempt counted.
    #[must_use]
    pub fn outcomes(&self, halt: &HaltPolicy) -> Outcomes {
        use AssignmentState as S;
        let all = |state: S| {
            let count = |counts: &StateCounts| counts.get(&state).copied().unwrap_or(0);
            count(&self.counts) + count(&self.earlier)
        };
        let silent = if halt.silence_is_failure { all(S::TimedOut) } else { 0 };
        let failed = all(S::Failed) + all(S::RolledBack) + silent;
        Outcomes { size: self.size, finished: all(S::Installed) + failed, failed }
    }

    /// What a halt is judged by: what has ended since the campaign was last resumed after one.
    #[must_use]
    pub fn outcomes_since(&self, halt: &HaltPolicy) -> Outcomes {
        let all = self.outcomes(halt);
        Outcomes {
            size: all.size,
            finished: all.finished.saturating_sub(self.forgiven.finished),
            failed: all.failed.saturating_sub(self.forgiven.failed),
        }
    }
}

/// What should happen now, in this order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A scheduled campaign's time has come.
    Start,
    /// Too many failed.
    Halt {
        reason: HaltReason,
    },
    /// Note since when the gate of a wave holds, or that it does no more: a soak is counted from then.
    NoteGate {
        number: u32,
        met: bool,
    },
    OpenWave {
        number: u32,
    },
    /// The deadline has passed: nothing more is offered, what is left times out.
    Close,
    /// Withdraw what is left of a closing campaign.
    Sweep,
    Complete,
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
        CampaignState::Paused | CampaignState::Halted
            if left(campaign) == 0 && campaign.pending_retries == 0 && !campaign.continuous =>
        {
            Plan::act(vec![Action::Complete], Waiting::Nothing)
        }
        state @ (CampaignState::Paused | CampaignState::Halted) => Plan::wait(Waiting::Resume { state }),
        CampaignState::Running => plan_running(campaign, now),
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

fn plan_running(campaign: &CampaignFacts, now: DateTime<Utc>) -> Plan {
    let halt = &campaign.halt;
    let judged = |wave: &WaveFacts| halts(halt, wave.number, campaign.waves.len(), &wave.outcomes_since(halt));
    if let Some(reason) = campaign.waves.iter().find_map(judged) {
        return Plan::act(vec![Action::Halt { reason }], Waiting::Resume { state: CampaignState::Halted });
    }
    let mut actions = Vec::new();
    let mut before: Option<&WaveFacts> = None;
    for wave in &campaign.waves {
        if wave.opened_at.is_none() {
            if let Some(gate) = before {
                if gate.size == 0 && campaign.continuous {
                    return Plan::act(actions, Waiting::EmptyWave { wave: gate.number });
                }
                actions.extend(note_gate(gate, halt, now));
                if let Some(waiting) = gate_waiting(gate, halt, now) {
                    return Plan::act(actions, waiting);
                }
            }
            actions.push(Action::OpenWave { number: wave.number });
            // What was opened just now has no counts yet: only an empty wave lets the next one follow at once.
            // That of a continuous campaign will have vehicles, and they are its gate.
            if wave.size == 0 && campaign.continuous {
                return Plan::act(actions, Waiting::EmptyWave { wave: wave.number });
            }
            if wave.size > 0 {
                let vehicles = Waiting::Vehicles { left: left(campaign), deadline: campaign.deadline };
                let is_last = campaign.waves.last().is_some_and(|last| last.number == wave.number);
                let waiting = if is_last { None } else { gate_waiting(wave, halt, now) };
                return Plan::act(actions, waiting.unwrap_or(vehicles));
            }
        }
        before = Some(wave);
    }
    match (left(campaign), campaign.pending_retries) {
        (0, 0) if campaign.continuous => Plan::act(actions, Waiting::Joiners { deadline: campaign.deadline }),
        (0, 0) => {
            actions.push(Action::Complete);
            Plan::act(actions, Waiting::Nothing)
        }
        (0, pending) => Plan::act(actions, Waiting::Retries { pending }),
        (left, _) => Plan::act(actions, Waiting::Vehicles { left, deadline: campaign.deadline }),
    }
}

/// What is to be noted of a wave's gate: a soak begins when the rest of it holds, and anew when it did not.
fn note_gate(wave: &WaveFacts, halt: &HaltPolicy, now: DateTime<Utc>) -> Option<Action> {
    wave.gate.soak_secs?;
    let facts = wave.gate_facts(halt);
    let met = wave.gate.unmet_counts(wave.gate_installed_ratio, &facts, now).is_none();
    (met != wave.gate_met_at.is_some()).then_some(Action::NoteGate { number: wave.number, met })
}

fn gate_waiting(wave: &WaveFacts, halt: &HaltPolicy, now: DateTime<Utc>) -> Option<Waiting> {
    let unmet = wave.gate.unmet(wave.gate_installed_ratio, &wave.gate_facts(halt), now)?;
    Some(if unmet.is_possible() {
        Waiting::Gate { wave: wave.number, unmet }
    } else {
        Waiting::GateUnreachable { wave: wave.number, unmet }
    })
}

/// Vehicles of the campaign that have not reached an end.
fn left(campaign: &CampaignFacts) -> u64 {
    campaign.waves.iter().map(|wave| wave.size.saturating_sub(wave.ended())).sum()
}
