//! One run: the production planner decides, simulated vehicles answer. Events are kept in a heap; the planner is asked after
//! every failure, else at most once a second, as the engine that is woken by failures and looks twice a second.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;

use super::conditions::Conditions;
use super::course::Course;
use super::fleet::FleetModel;
use super::group::{Event, Grain, Group};
use super::schedule::Pace;
use crate::assignment::AssignmentState as S;
use crate::campaign::CampaignState;
use crate::planner::{Action, CampaignFacts, Plan, Waiting, WaveFacts, plan};
use crate::rollout::Unmet;

/// Between two looks of the planner that no failure causes.
const TICK_MS: i64 = 1000;
const HOUR_MS: i64 = 3_600_000;
/// Shares of the vehicles whose ends are noted.
pub(super) const MILESTONES: [f64; 6] = [0.1, 0.25, 0.5, 0.75, 0.9, 0.99];

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every vehicle has reached an end.
    Complete,
    /// The deadline came first.
    Deadline,
    /// The campaign halted itself.
    Halted,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    pub ending: Ending,
    pub at: DateTime<Utc>,
    pub installed: u64,
    pub failed: u64,
    /// Vehicles that had the update, or were getting it, at the end.
    pub exposed: u64,
    /// When the shares of [`MILESTONES`] had ended.
    pub(super) milestones: [Option<DateTime<Utc>>; MILESTONES.len()],
    /// What it took: waves that the planner looked at, and events.
    pub(super) work: u64,
    /// Offers and ends per hour from the beginning.
    pub(super) hours: Vec<(u64, u64)>,
}

/// A campaign being played.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    pub(super) course: &'a Course,
    pub(super) conditions: Conditions<'a>,
    pub(super) random: Xoshiro256PlusPlus,
    pub(super) grain: Grain,
    pub(super) facts: CampaignFacts,
    /// Since the beginning, as all times here.
    pub(super) now_ms: i64,
    pub(super) events: BinaryHeap<Reverse<(i64, Event)>>,
    /// When the planner is asked next.
    pub(super) ask_ms: i64,
    asked_ms: i64,
    /// Online, and waiting for an offer.
    pub(super) waiting: VecDeque<Group>,
    pub(super) under_way: u64,
    pub(super) pace: Option<Pace>,
    /// Whether it is waited for that the rate allows an offer.
    pub(super) awaits_pace: bool,
    vehicles: u64,
    pub(super) ended: u64,
    milestones: [Option<DateTime<Utc>>; MILESTONES.len()],
    work: u64,
    hours: Vec<(u64, u64)>,
}

impl<'a> Run<'a> {
    /// `course` with every vehicle on its own; with `failing`, this share of the updates fails.
    #[must_use]
    pub fn new(course: &'a Course, fleet: &'a FleetModel, failing: Option<f64>, seed: u64) -> Self {
        Self::with_grain(course, fleet, failing, seed, Grain::SINGLE)
    }

    pub(super) fn with_grain(
        course: &'a Course,
        fleet: &'a FleetModel,
        failing: Option<f64>,
        seed: u64,
        grain: Grain,
    ) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let conditions = Conditions::draw(fleet, course, failing, &mut random);
        let pace = course.policy.rate.map(|rate| Pace::new(course.per_minute.unwrap_or(rate.per_minute)));
        let mut run = Self {
            course,
            conditions,
            random,
            grain,
            facts: course.facts.clone(),
            now_ms: 0,
            events: BinaryHeap::new(),
            ask_ms: 0,
            asked_ms: -TICK_MS,
            waiting: VecDeque::new(),
            under_way: 0,
            pace,
            awaits_pace: false,
            vehicles: course.vehicles(),
            ended: 0,
            milestones: [None; MILESTONES.len()],
            work: 0,
            hours: Vec::new(),
        };
        run.take_up();
        run
    }

    /// How the campaign stands.
    #[must_use]
    pub fn facts(&self) -> &CampaignFacts {
        &self.facts
    }

    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.at(self.now_ms)
    }

    fn at(&self, ms: i64) -> DateTime<Utc> {
        self.course.now + TimeDelta::milliseconds(ms)
    }

    fn ms(&self, at: DateTime<Utc>) -> i64 {
        (at - self.course.now).num_milliseconds().max(0)
    }

    /// Plays to the end.
    #[must_use]
    pub fn play(mut self) -> Played {
        loop {
            if let Some(played) = self.step() {
                return played;
            }
        }
    }

    /// Does what happens next; the end, if that is it.
    pub fn step(&mut self) -> Option<Played> {
        match self.events.peek() {
            Some(Reverse((at, _))) if *at < self.ask_ms => {
                let Reverse((at, event)) = self.events.pop()?;
                self.now_ms = at;
                self.work += 1;
                self.happens(event);
                None
            }
            _ => {
                self.now_ms = self.ask_ms;
                self.ask().map(|ending| self.end(ending))
            }
        }
    }

    fn end(&mut self, ending: Ending) -> Played {
        let sum = |state: S| self.facts.waves.iter().filter_map(|wave| wave.counts.get(&state)).sum::<u64>();
        let (installed, failed) = (sum(S::Installed), sum(S::Failed) + sum(S::RolledBack));
        Played {
            ending,
            at: self.now(),
            installed,
            failed,
            exposed: installed + failed + self.under_way,
            milestones: self.milestones,
            work: self.work,
            hours: std::mem::take(&mut self.hours),
        }
    }

    pub(super) fn wave(&mut self, group: Group) -> &mut WaveFacts {
        &mut self.facts.waves[usize::from(group.wave)]
    }

    pub(super) fn shift(&mut self, group: Group, from: S, to: S, vehicles: u32) {
        if vehicles > 0 {
            let counts = &mut self.wave(group).counts;
            let before = counts.entry(from).or_default();
            *before = before.saturating_sub(u64::from(vehicles));
            *counts.entry(to).or_default() += u64::from(vehicles);
        }
    }

    pub(super) fn hour(&mut self) -> &mut (u64, u64) {
        let hour = usize::try_from(self.now_ms / HOUR_MS).unwrap_or(0);
        if self.hours.len() <= hour {
            self.hours.resize(hour + 1, (0, 0));
        }
        &mut self.hours[hour]
    }

    /// Counters moved: the planner is to look within a tick.
    pub(super) fn changed(&mut self) {
        self.ask_ms = self.ask_ms.min((self.asked_ms + TICK_MS).max(self.now_ms));
        self.note_milestones();
    }

    #[expect(clippy::cast_precision_loss, reason = "vehicles are below 2^52")]
    pub(super) fn note_milestones(&mut self) {
        let (ended, vehicles, now) = (self.ended as f64, self.vehicles as f64, self.now());
        for (share, milestone) in MILESTONES.into_iter().zip(&mut self.milestones) {
            if milestone.is_none() && ended >= share * vehicles {
                *milestone = Some(now);
            }
        }
    }

    /// Asks the planner until it waits, and does what it says.
    fn ask(&mut self) -> Option<Ending> {
        loop {
            let now = self.now();
            self.work += u64::try_from(self.facts.waves.len()).unwrap_or(u64::MAX);
            let Plan { actions, waiting_on } = plan(&self.facts, now);
            for action in &actions {
                match action {
                    Action::Start => self.facts.state = CampaignState::Running,
                    Action::NoteGate { number, met } => {
                        let wave = self.facts.waves.iter_mut().find(|wave| wave.number == *number);
                        if let Some(wave) = wave {
                            wave.gate_met_at = met.then_some(now);
                        }
                    }
                    Action::OpenWave { number } => self.open(*number),
                    Action::Halt { .. } => return Some(Ending::Halted),
                    Action::Close | Action::Sweep => return Some(Ending::Deadline),
                    Action::Complete => return Some(Ending::Complete),
                }
            }
            if actions.is_empty() {
                match self.wait(&waiting_on) {
                    Some(until) => {
                        self.asked_ms = self.now_ms;
                        let deadline = self.ms(self.facts.deadline);
                        self.ask_ms = until.clamp(self.now_ms + 1, deadline.max(self.now_ms + 1));
                        return None;
                    }
                    // Somebody approved.
                    None => continue,
                }
            }
        }
    }

    /// Until when the planner has nothing to do, if nothing happens; none when a person did something just now.
    fn wait(&mut self, waiting_on: &Waiting) -> Option<i64> {
        match waiting_on {
            Waiting::Gate { wave, unmet: Unmet::Approval } => {
                let now = self.now();
                let wave = self.facts.waves.iter_mut().find(|one| one.number == *wave);
                wave.map_or(Some(i64::MAX), |wave| {
                    wave.approved_at = Some(now);
                    None
                })
            }
            Waiting::Gate { unmet: Unmet::Soak { until } | Unmet::Reports { until: Some(until), .. }, .. }
            | Waiting::StartTime { at: until } => Some(self.ms(*until)),
            _ => Some(i64::MAX),
        }
    }

    fn open(&mut self, number: u32) {
        let now = self.now();
        let Some(index) = self.facts.waves.iter().position(|wave| wave.number == number) else { return };
        let wave = &mut self.facts.waves[index];
        wave.opened_at = Some(now);
        let size = wave.size;
        wave.counts.insert(S::Assigned, size);
        self.await_vehicles(index, size, size, 0.0);
    }
}
