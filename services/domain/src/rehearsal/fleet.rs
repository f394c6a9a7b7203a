//! What is known of a model's vehicles from its past campaigns, and what is assumed when nothing is.

use serde::Serialize;
use utoipa::ToSchema;

use super::profile::Profile;
use super::quantiles::Quantiles;

/// How far campaigns differ from each other when fewer than two say it: the deviation of the delays' logarithm.
const ASSUMED_SPREAD: f64 = 0.3;
const MAX_SPREAD: f64 = 1.5;
/// Hours until 5, 25, 50, 75, 90, 99 and 100 % of vehicles are first online, without any history: cars that are driven daily, weekly,
/// and those parked for a fortnight.
const ASSUMED_OFFLINE_HOURS: [(f64, u32); 7] =
    [(0.25, 5), (4.0, 20), (14.0, 25), (36.0, 25), (90.0, 15), (240.0, 9), (400.0, 1)];
/// Minutes from the offer to the end.
const ASSUMED_UPDATE_MINUTES: [(f64, u32); 5] = [(4.0, 10), (10.0, 40), (20.0, 30), (60.0, 15), (240.0, 5)];

/// A model's vehicles, as its past campaigns showed them; each of a rehearsal's runs is played under the conditions of one of them.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetModel {
    past: Vec<Profile>,
    spread: f64,
    assumed: bool,
}

/// What a rehearsal was drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FleetSource {
    /// Vehicles of past campaigns; 0 when there is no history and delays are assumed: half of the vehicles online within 14 hours, one in
    /// ten only after 90, 1 % failures.
    pub assignments: u64,
    /// Those campaigns.
    pub campaigns: u64,
    /// Whether rate or `max_in_flight` held their offers back: then the delays are longer than a fleet's own.
    pub paced: bool,
}

impl FleetModel {
    /// Of past campaigns. Those whose pace was limited say little of when vehicles come, so they count only where there
    /// are no others; without any the model is [`Self::assumed`].
    #[must_use]
    pub fn measured(past: Vec<Profile>) -> Self {
        let (paced, free): (Vec<_>, Vec<_>) = past.into_iter().partition(|profile| profile.paced);
        let past = if free.is_empty() { paced } else { free };
        if past.is_empty() {
            return Self::assumed();
        }
        let spread = spread(&past);
        Self { past, spread, assumed: false }
    }

    /// As one campaign was, and nothing else: what a campaign is played by whose behaviour is known.
    pub(super) fn exactly(profile: Profile) -> Self {
        Self { past: vec![profile], spread: 0.0, assumed: false }
    }

    /// Without any history.
    #[must_use]
    pub fn assumed() -> Self {
        let profile = Profile {
            assignments: 0,
            offline: Quantiles::rising(ASSUMED_OFFLINE_HOURS, 3600.0),
            update: Quantiles::rising(ASSUMED_UPDATE_MINUTES, 60.0),
            absent_ratio: 0.01,
            failed_ratio: 0.01,
            declined_ratio: 0.0,
            silent_ratio: 0.002,
            reports_mean: 8.0,
            paced: false,
        };
        Self { past: vec![profile], spread: ASSUMED_SPREAD, assumed: true }
    }

    /// What it was measured from.
    #[must_use]
    pub fn source(&self) -> FleetSource {
        FleetSource {
            assignments: self.past.iter().map(|profile| profile.assignments).sum(),
            campaigns: if self.assumed { 0 } else { u64::try_from(self.past.len()).unwrap_or(u64::MAX) },
            paced: self.past.iter().any(|profile| profile.paced),
        }
    }

    /// Acknowledgements per vehicle that is offered an update.
    pub(super) fn reports_mean(&self) -> f64 {
        self.past.iter().map(|profile| profile.reports_mean).sum::<f64>() / float(self.past.len())
    }

    /// Each campaign it was measured from.
    #[must_use]
    pub fn past(&self) -> &[Profile] {
        &self.past
    }

    /// The bandwidth of the smoothing between campaigns (Silverman's rule), as a deviation of the delays' logarithm.
    pub(super) fn bandwidth(&self) -> f64 {
        if self.past.len() < 2 { self.spread } else { 0.9 * self.spread * float(self.past.len()).powf(-0.2) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
fn float(n: usize) -> f64 {
    n as f64
}

/// The deviation of the logarithm of the campaigns' median delays.
fn spread(past: &[Profile]) -> f64 {
    if past.len() < 2 {
        return ASSUMED_SPREAD;
    }
    let medians: Vec<f64> = past.iter().map(|profile| profile.offline.median().max(1.0).ln()).collect();
    let mean = medians.iter().sum::<f64>() / float(medians.len());
    let square = medians.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / float(medians.len() - 1);
    square.sqrt().min(MAX_SPREAD)
}
