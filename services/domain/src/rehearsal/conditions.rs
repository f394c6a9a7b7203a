//! Under which conditions a run is played: those of one past campaign, a little changed, and the more likely the better they
//! explain what a running campaign has shown so far.

use std::f64::consts::TAU;

use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;

use super::course::Course;
use super::fleet::FleetModel;
use super::profile::Profile;
use crate::assignment::AssignmentState;
use crate::rollout::Outcomes;

/// Conditions that are drawn for one to be taken.
const CANDIDATES: usize = 24;
/// What no model explains: vehicles of a wave are not independent of each other.
const MODEL_ERROR: f64 = 0.02;

/// The vehicles of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Conditions<'a> {
    pub(super) profile: &'a Profile,
    /// By how much longer vehicles are offline than in the profile.
    offline_factor: f64,
    update_factor: f64,
    pub(super) failed_ratio: f64,
}

impl<'a> Conditions<'a> {
    /// Drawn for `course`; with `failing`, this share of the updates fails.
    pub(super) fn draw(
        fleet: &'a FleetModel,
        course: &Course,
        failing: Option<f64>,
        random: &mut Xoshiro256PlusPlus,
    ) -> Self {
        let candidates: Vec<Self> = (0..CANDIDATES).map(|_| Self::candidate(fleet, random)).collect();
        let likelihoods: Vec<f64> = candidates.iter().map(|one| one.log_likelihood(course)).collect();
        let best = likelihoods.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = likelihoods.iter().map(|one| (one - best).exp()).collect();
        let mut left = random.random::<f64>() * weights.iter().sum::<f64>();
        let chosen = weights.iter().position(|weight| {
            left -= weight;
            left <= 0.0
        });
        let mut conditions = candidates[chosen.unwrap_or(CANDIDATES - 1)];
        conditions.failed_ratio = failing.unwrap_or(conditions.failed_ratio);
        conditions
    }

    fn candidate(fleet: &'a FleetModel, random: &mut Xoshiro256PlusPlus) -> Self {
        let past = fleet.past();
        let profile = &past[random.random_range(0..past.len())];
        let bandwidth = fleet.bandwidth();
        // Another sample of the same size would show other failures.
        let counted = count(profile.assignments.max(100));
        let (failed, error) =
            (profile.failed_ratio, (profile.failed_ratio * (1.0 - profile.failed_ratio) / counted).sqrt());
        Self {
            profile,
            offline_factor: (bandwidth * normal(random)).exp(),
            update_factor: (bandwidth * normal(random)).exp(),
            failed_ratio: (failed + error * normal(random)).clamp(0.0, 1.0),
        }
    }

    /// How well it explains what the waves that are open have shown; 0 for a campaign that has shown nothing.
    fn log_likelihood(&self, course: &Course) -> f64 {
        let mut sum = 0.0;
        for wave in course.facts.waves.iter().filter(|wave| wave.size > 0) {
            let Some(opened_at) = wave.opened_at else { continue };
            let elapsed = secs(course.now - opened_at);
            if course.is_free() {
                let assigned = wave.counts.get(&AssignmentState::Assigned).copied().unwrap_or(0);
                sum += of_count(assigned, wave.size, self.away(elapsed));
            }
            let Outcomes { finished, failed, .. } = wave.outcomes(&course.facts.halt);
            sum += of_count(failed, finished, self.failed_ratio);
        }
        sum
    }

    /// The share of vehicles that have not come `elapsed` seconds after their wave was opened.
    pub(super) fn away(&self, elapsed: f64) -> f64 {
        let absent = self.profile.absent_ratio;
        absent + (1.0 - absent) * (1.0 - self.profile.offline.below(elapsed / self.offline_factor))
    }

    /// Of vehicles that have not come within `elapsed` seconds, the share that never will.
    pub(super) fn absent(&self, elapsed: f64) -> f64 {
        let absent = self.profile.absent_ratio;
        if absent > 0.0 { absent / self.away(elapsed) } else { 0.0 }
    }

    /// When a vehicle comes, in seconds after the opening of its wave, that has not within `elapsed` seconds: one of those between the
    /// shares `from` and `to` of them.
    pub(super) fn comes(&self, elapsed: f64, from: f64, to: f64, random: &mut Xoshiro256PlusPlus) -> f64 {
        let before = self.profile.offline.below(elapsed / self.offline_factor);
        let at = before + (1.0 - before) * (from + (to - from) * random.random::<f64>());
        (self.profile.offline.at(at) * self.offline_factor).max(elapsed)
    }

    /// When one of those came that have come within `elapsed` seconds.
    pub(super) fn came(&self, elapsed: f64, random: &mut Xoshiro256PlusPlus) -> f64 {
        let to = self.profile.offline.below(elapsed / self.offline_factor);
        (self.profile.offline.at(to * random.random::<f64>()) * self.offline_factor).min(elapsed)
    }

    /// How long an update takes, in seconds.
    pub(super) fn update(&self, random: &mut Xoshiro256PlusPlus) -> f64 {
        self.profile.update.at(random.random()) * self.update_factor
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
fn count(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of some years")]
pub(super) fn secs(span: chrono::TimeDelta) -> f64 {
    span.num_milliseconds().max(0) as f64 / 1000.0
}

/// The logarithm of the likelihood of `seen` among `of`, each with the probability `ratio`: the normal
/// approximation, up to a constant.
fn of_count(seen: u64, of: u64, ratio: f64) -> f64 {
    let (seen, of) = (count(seen), count(of));
    let variance = of * ratio * (1.0 - ratio) + (MODEL_ERROR * of).powi(2) * ratio.min(1.0 - ratio).max(0.01) + 1.0;
    -(seen - of * ratio).powi(2) / (2.0 * variance) - variance.ln() / 2.0
}

/// A standard normal number (Box and Muller, 1958).
pub(super) fn normal(random: &mut Xoshiro256PlusPlus) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (TAU * random.random::<f64>()).cos()
}

/// How many of `n` happen that each happen with the probability `ratio`; by the gaps between them, so that what is
/// rare costs little.
pub(super) fn binomial(n: u32, ratio: f64, random: &mut Xoshiro256PlusPlus) -> u32 {
    if ratio <= 0.0 || n == 0 {
        return 0;
    }
    if ratio >= 1.0 {
        return n;
    }
    let missing = (-ratio).ln_1p();
    let (mut place, mut happened) = (0.0, 0);
    loop {
        place += ((1.0 - random.random::<f64>()).ln() / missing).floor() + 1.0;
        if place > f64::from(n) {
            return happened;
        }
        happened += 1;
    }
}
