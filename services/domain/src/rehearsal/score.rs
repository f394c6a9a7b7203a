//! When a running campaign's forecast is written down, and whether one came true.

use chrono::{DateTime, TimeDelta, Utc};

use super::forecast::FinishBand;

/// Between two forecasts of a campaign that opens no wave.
const EVERY: TimeDelta = TimeDelta::minutes(15);
/// A long campaign is not forecast more often than this in all, but for its waves.
pub const MAX_PER_CAMPAIGN: i32 = 200;

/// Whether a campaign that started at `started_at` is to be forecast again: a wave was opened since the last time, or enough time
/// is over.
#[must_use]
pub fn is_due(
    last: Option<DateTime<Utc>>,
    newest_wave: Option<DateTime<Utc>>,
    started_at: DateTime<Utc>,
    deadline: DateTime<Utc>,
    now: DateTime<Utc>,
) -> bool {
    let Some(last) = last else { return true };
    let every = EVERY.max((deadline - started_at) / MAX_PER_CAMPAIGN);
    newest_wave.is_some_and(|opened| opened > last) || now >= last + every
}

/// Whether the band held the end of a campaign. What is withdrawn at the deadline takes a moment more: such a
/// campaign ended with its deadline.
#[must_use]
pub fn is_covered(band: &FinishBand, ended_at: DateTime<Utc>, deadline: DateTime<Utc>) -> bool {
    let ended_at = ended_at.min(deadline);
    band.p10_at <= ended_at && ended_at <= band.p90_at
}
