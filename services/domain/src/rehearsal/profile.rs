//! How the vehicles of one campaign behaved: what a rehearsal of the next one draws from.

use super::quantiles::Quantiles;

/// How an attempt ended, by the vehicle's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Installed,
    Failed,
    Declined,
}

/// One vehicle's first attempt in a campaign that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Observed {
    /// From the opening of its wave to the offer; none when it never came.
    pub offline_secs: Option<f64>,
    /// From the offer to its end, without the time it waited for a window; none when it never told of one.
    pub update_secs: Option<f64>,
    pub outcome: Option<Outcome>,
    /// Acknowledgements that it sent.
    pub reports: u32,
}

/// What a campaign's vehicles amount to.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Vehicles it was measured from.
    pub assignments: u64,
    /// From the opening of the wave to the offer.
    pub offline: Quantiles,
    /// From the offer to the end.
    pub update: Quantiles,
    /// Share of all that never came.
    pub absent_ratio: f64,
    /// Shares of those that were offered the update: failed, declined, and never heard of again.
    pub failed_ratio: f64,
    pub declined_ratio: f64,
    pub silent_ratio: f64,
    /// Acknowledgements per vehicle that was offered the update.
    pub reports_mean: f64,
    /// Whether rate or `max_in_flight` held offers back: then waiting for a slot counts as being offline.
    pub paced: bool,
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

impl Profile {
    /// Of the vehicles of one campaign. `None` when none of them was offered the update and told of an end: there is
    /// nothing to draw from then.
    #[must_use]
    pub fn of(observed: &[Observed], paced: bool) -> Option<Self> {
        let offline = Quantiles::of(observed.iter().filter_map(|one| one.offline_secs))?;
        let update = Quantiles::of(observed.iter().filter_map(|one| one.update_secs))?;
        let came = observed.iter().filter(|one| one.offline_secs.is_some()).count();
        let ended = |outcome: Outcome| observed.iter().filter(|one| one.outcome == Some(outcome)).count();
        let told = observed.iter().filter(|one| one.offline_secs.is_some() && one.outcome.is_some()).count();
        let reports: u64 = observed.iter().map(|one| u64::from(one.reports)).sum();
        Some(Self {
            assignments: u64::try_from(observed.len()).unwrap_or(u64::MAX),
            offline,
            update,
            absent_ratio: share(observed.len() - came, observed.len()),
            failed_ratio: share(ended(Outcome::Failed), came),
            declined_ratio: share(ended(Outcome::Declined), came),
            silent_ratio: share(came - told, came),
            reports_mean: share(usize::try_from(reports).unwrap_or(usize::MAX), came),
            paced,
        })
    }
}
