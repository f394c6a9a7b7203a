//! Whether forecasts come true: campaigns of simulated fleets whose behaviour differs from one to the next, forecast from what
//! a few past ones showed, and then played out vehicle by vehicle.

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

use super::conditions::normal;
use super::course::Course;
use super::fleet::FleetModel;
use super::forecast::{DEFAULT_RUNS, FinishBand, forecast};
use super::profile::{Observed, Outcome, Profile};
use super::run::{Played, Run};
use super::score::is_covered;
use crate::assignment::AssignmentState;
use crate::campaign::CampaignState;
use crate::planner::{CampaignFacts, WaveFacts};
use crate::rollout::{Gate, HaltPolicy, Policy};

/// Past campaigns of a fleet, and vehicles that are looked at in each.
const PAST: u32 = 12;
const OBSERVED: u32 = 500;
/// Vehicles from which a campaign's true behaviour is made: enough to be smooth.
const TRUTH: u32 = 20_000;
/// How far campaigns of a fleet differ: the deviation of the logarithm of their median delay.
const BETWEEN: f64 = 0.35;

/// How often the 80 % band held the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coverage {
    pub campaigns: u32,
    /// The share of campaigns whose end lay in the band of the forecast made at the start.
    pub at_start_ratio: f64,
    /// The same for the forecast made when half of the vehicles had ended.
    pub half_way_ratio: f64,
    /// The width of the band against the time from start to end: mean of the forecasts at the start, and half way.
    pub width_at_start_ratio: f64,
    pub width_half_way_ratio: f64,
}

/// How a campaign's vehicles behave.
struct Behaviour {
    offline_secs: f64,
    offline_sigma: f64,
    update_secs: f64,
    failed_ratio: f64,
}

impl Behaviour {
    fn observe(&self, random: &mut Xoshiro256PlusPlus) -> Observed {
        let failed = random.random::<f64>() < self.failed_ratio;
        Observed {
            offline_secs: Some(self.offline_secs * (self.offline_sigma * normal(random)).exp()),
            update_secs: Some(self.update_secs * (0.5 * normal(random)).exp()),
            outcome: Some(if failed { Outcome::Failed } else { Outcome::Installed }),
            reports: 8,
        }
    }

    fn fleet(&self, vehicles: u32, random: &mut Xoshiro256PlusPlus) -> Option<Profile> {
        let observed: Vec<Observed> = (0..vehicles).map(|_| self.observe(random)).collect();
        Profile::of(&observed, false)
    }
}

/// A fleet of which every campaign goes a little differently.
struct Maker {
    offline_secs: f64,
    offline_sigma: f64,
    update_secs: f64,
}

impl Maker {
    fn draw(random: &mut Xoshiro256PlusPlus) -> Self {
        Self {
            offline_secs: 3600.0 * random.random_range(2.0..30.0),
            offline_sigma: random.random_range(0.5..1.2),
            update_secs: 60.0 * random.random_range(5.0..60.0),
        }
    }

    fn campaign(&self, random: &mut Xoshiro256PlusPlus) -> Behaviour {
        Behaviour {
            offline_secs: self.offline_secs * (BETWEEN * normal(random)).exp(),
            offline_sigma: self.offline_sigma,
            update_secs: self.update_secs * (BETWEEN * normal(random)).exp(),
            failed_ratio: 0.01 * random.random::<f64>(),
        }
    }
}

/// Two waves and a soak, without a deadline that would end them.
fn campaign(vehicles: u64, now: DateTime<Utc>) -> CampaignFacts {
    let first = vehicles / 10;
    let gate = Gate { soak_secs: Some(3600), ..Gate::default() };
    let wave = |number, size| WaveFacts {
        number,
        size,
        gate_installed_ratio: 0.8,
        gate: gate.clone(),
        ..WaveFacts::default()
    };
    CampaignFacts {
        state: CampaignState::Running,
        start_at: None,
        deadline: now + TimeDelta::days(3650),
        closing: None,
        swept: false,
        continuous: false,
        halt: HaltPolicy::default(),
        pending_retries: 0,
        waves: vec![wave(1, first), wave(2, vehicles - first)],
    }
}

/// A forecast's band over an end, and how wide it was.
struct Scored {
    covered: bool,
    width_ratio: f64,
}

#[expect(clippy::cast_precision_loss, reason = "seconds of some years")]
fn scored(band: Option<FinishBand>, played: &Played, start: DateTime<Utc>) -> Option<Scored> {
    let band = band?;
    let width = (band.p90_at - band.p10_at).num_seconds() as f64;
    let took = (played.at - start).num_seconds().max(1) as f64;
    Some(Scored { covered: is_covered(&band, played.at, played.at), width_ratio: width / took })
}

/// Plays a campaign; gives the scores of the forecasts made at its start and half way.
fn trial(seed: u64) -> Option<(Scored, Scored)> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let maker = Maker::draw(&mut random);
    let past = (0..PAST).filter_map(|_| maker.campaign(&mut random).fleet(OBSERVED, &mut random));
    let known = FleetModel::measured(past.collect());
    let truth = FleetModel::exactly(maker.campaign(&mut random).fleet(TRUTH, &mut random)?);
    let vehicles = random.random_range(300..2000);
    let start = DateTime::UNIX_EPOCH;
    let course = Course::new(campaign(vehicles, start), Policy::default(), None, start);
    let at_start = forecast(&course, &known, DEFAULT_RUNS, random.random());
    let mut run = Run::new(&course, &truth, None, random.random());
    while ended(run.facts()) * 2 < vehicles {
        run.step();
    }
    let later = Course::new(run.facts().clone(), Policy::default(), None, run.now());
    let half_way = forecast(&later, &known, DEFAULT_RUNS, random.random());
    let played = run.play();
    Some((scored(at_start.finish, &played, start)?, scored(half_way.finish, &played, start)?))
}

fn ended(facts: &CampaignFacts) -> u64 {
    let ended = |wave: &WaveFacts| {
        wave.counts.iter().filter(|(state, _)| AssignmentState::is_terminal(**state)).map(|(_, n)| n).sum::<u64>()
    };
    facts.waves.iter().map(ended).sum()
}

/// How often the forecasts of `campaigns` simulated campaigns came true.
#[must_use]
pub fn coverage(campaigns: u32, seed: u64) -> Coverage {
    let trials: Vec<_> = (0..u64::from(campaigns)).filter_map(|number| trial(seed.wrapping_add(number))).collect();
    let of = f64::from(u32::try_from(trials.len()).unwrap_or(u32::MAX)).max(1.0);
    let share = |covered: fn(&(Scored, Scored)) -> f64| trials.iter().map(covered).sum::<f64>() / of;
    Coverage {
        campaigns: u32::try_from(trials.len()).unwrap_or(u32::MAX),
        at_start_ratio: share(|(start, _)| f64::from(u8::from(start.covered))),
        half_way_ratio: share(|(_, half)| f64::from(u8::from(half.covered))),
        width_at_start_ratio: share(|(start, _)| start.width_ratio),
        width_half_way_ratio: share(|(_, half)| half.width_ratio),
    }
}

/// Plays one campaign of `vehicles`, each on its own.
#[must_use]
pub fn one_run(vehicles: u64, policy: Policy, seed: u64) -> Played {
    let start = DateTime::UNIX_EPOCH;
    let mut facts = campaign(vehicles, start);
    facts.halt = policy.halt.clone();
    facts.deadline = start + TimeDelta::days(30);
    let course = Course::new(facts, policy, None, start);
    Run::new(&course, &FleetModel::assumed(), None, seed).play()
}
