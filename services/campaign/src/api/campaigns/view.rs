//! What the API says of a campaign. Its state of affairs is worked out when it is asked for, by the planner
//! that the engine acts on, so what it "waits on" is never another story.

use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::campaign::{CampaignState, Command};
use otaru_domain::id::{CampaignId, ReleaseId};
use otaru_domain::planner::{StateCounts, Waiting, plan};
use otaru_domain::rollout::{Gate, GateView, PaceReason, Policy, failures_until_halt};
use otaru_store::campaigns::{Standing, Wave};
use otaru_store::pace::Pace;
use serde::Serialize;
use utoipa::ToSchema;

/// A campaign.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Campaign)]
pub(crate) struct CampaignView {
    id: CampaignId,
    name: String,
    release: ReleaseId,
    /// CEL: which vehicles it is for.
    target: String,
    /// CEL over the vehicle's signals: it installs only while this holds.
    precondition: Option<String>,
    policy: Policy,
    /// Of several campaigns for a vehicle, the highest goes first.
    priority: i32,
    state: CampaignState,
    /// Why it is in its state, in words.
    state_reason: Option<String>,
    /// Who brought it there: a token's name, or `engine`.
    state_by: String,
    state_at: DateTime<Utc>,
    start_at: Option<DateTime<Utc>>,
    deadline: DateTime<Utc>,
    /// Vehicles, once it started.
    members: Option<u64>,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    /// The exit of what is left, once it is being closed.
    closing: Option<AssignmentState>,
    /// The commands it takes now.
    allowed: Vec<Command>,
    waiting_on: WaitingOn,
    /// The rate it has now, where that adapts.
    pace: Option<PaceView>,
    waves: Vec<WaveView>,
    /// Vehicles per state, of all waves; states without any are left out.
    counters: StateCounts,
    created_at: DateTime<Utc>,
    created_by: String,
}

/// How fast an adapting campaign is offered, and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pace)]
pub(crate) struct PaceView {
    per_minute: u64,
    /// When that was decided.
    since: DateTime<Utc>,
    /// The same for people.
    text: String,
    #[serde(flatten)]
    reason: PaceReason,
}

impl From<&Pace> for PaceView {
    fn from(pace: &Pace) -> Self {
        let (per_minute, since) = (pace.per_minute, pace.adapted_at);
        Self { per_minute, since, text: pace.reason.to_string(), reason: pace.reason.clone() }
    }
}

/// A step of the rollout plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Wave)]
pub(crate) struct WaveView {
    /// 1 for the first.
    number: u32,
    /// Its share of the vehicles that no listed wave takes; without this, `count`, `expression` and `listed` it takes the
    /// rest.
    share_ratio: Option<f64>,
    /// Its vehicles, by number.
    count: Option<u64>,
    /// CEL: its vehicles are those that match.
    expression: Option<String>,
    /// So many vehicles are listed for it by VIN.
    listed: Option<usize>,
    gate_installed_ratio: f64,
    gate: Gate,
    /// Vehicles in it, once the campaign started.
    size: Option<u64>,
    /// The highest rank in it, once the campaign started.
    cutoff: Option<u64>,
    /// When its vehicles were assigned.
    opened_at: Option<DateTime<Utc>>,
    approved_at: Option<DateTime<Utc>>,
    approved_by: Option<String>,
    /// Vehicles per state; states without any are left out.
    counters: StateCounts,
    /// How attempts ended that were followed by another one.
    earlier_attempts: StateCounts,
    /// Installed vehicles that said how they fare.
    healthy: u64,
    unhealthy: u64,
    /// How the gate before the next wave stands.
    gate_state: GateView,
    /// What counts for and against the release, every attempt counted, since the campaign was last resumed after a halt.
    finished: u64,
    failed: u64,
    /// So many more failures in a row would halt the campaign; nothing when no rule ever would.
    halts_after_failures: Option<u64>,
}

/// What has to happen before the campaign goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaitingOn {
    /// The same for people.
    text: String,
    #[serde(flatten)]
    what: Waiting,
}

impl WaitingOn {
    pub(crate) fn of(standing: &Standing, now: DateTime<Utc>) -> Self {
        let what = plan(&standing.facts(), now).waiting_on;
        Self { text: what.to_string(), what }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

impl WaveView {
    /// A wave of `standing`.
    pub(crate) fn of(standing: &Standing, wave: &Wave, now: DateTime<Utc>) -> Self {
        let halt = &standing.campaign.policy.halt;
        let facts = wave.facts();
        let outcomes = facts.outcomes_since(halt);
        Self {
            number: wave.number,
            approved_at: wave.approved_at,
            approved_by: wave.approved_by.clone(),
            earlier_attempts: wave.earlier.clone(),
            healthy: wave.healthy,
            unhealthy: wave.unhealthy,
            gate_state: wave.plan.gate.view(wave.plan.gate_installed_ratio, &facts.gate_facts(halt), now),
            finished: outcomes.finished,
            failed: outcomes.failed,
            halts_after_failures: failures_until_halt(halt, wave.number, standing.waves.len(), &outcomes),
            share_ratio: wave.plan.share_ratio,
            count: wave.plan.count,
            expression: wave.plan.expression.clone(),
            listed: wave.plan.vins.as_ref().map(Vec::len),
            gate_installed_ratio: wave.plan.gate_installed_ratio,
            gate: wave.plan.gate.clone(),
            size: wave.size,
            cutoff: wave.cutoff,
            opened_at: wave.opened_at,
            counters: wave.counts.clone(),
        }
    }
}

impl CampaignView {
    pub(crate) fn of(standing: &Standing, now: DateTime<Utc>) -> Self {
        let campaign = &standing.campaign;
        Self {
            id: campaign.id,
            name: campaign.name.clone(),
            release: campaign.release,
            target: campaign.target.clone(),
            precondition: campaign.precondition.clone(),
            policy: campaign.policy.clone(),
            priority: campaign.priority,
            state: campaign.state,
            state_reason: campaign.state_reason.clone(),
            state_by: campaign.state_by.clone(),
            state_at: campaign.state_at,
            start_at: campaign.start_at,
            deadline: campaign.deadline,
            members: campaign.members,
            started_at: campaign.started_at,
            ended_at: campaign.ended_at,
            closing: campaign.closing,
            allowed: allowed(standing),
            waiting_on: WaitingOn::of(standing, now),
            pace: standing.pace.as_ref().map(PaceView::from),
            waves: standing.waves.iter().map(|wave| WaveView::of(standing, wave, now)).collect(),
            counters: standing.counts(),
            created_at: campaign.created_at,
            created_by: campaign.created_by.clone(),
        }
    }

    pub(super) fn id(&self) -> CampaignId {
        self.id
    }
}

/// What people may ask of it: scheduling is part of starting, and halting and completing are the engine's.
fn allowed(standing: &Standing) -> Vec<Command> {
    let campaign = &standing.campaign;
    let taken = |command: &Command| match command {
        Command::Schedule | Command::Halt | Command::Complete => false,
        Command::Pause | Command::Resume => campaign.closing.is_none(),
        Command::Submit | Command::Approve | Command::Reject | Command::Start | Command::Cancel => true,
    };
    campaign.state.allowed().into_iter().filter(taken).collect()
}
