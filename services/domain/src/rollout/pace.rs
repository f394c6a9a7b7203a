//! A rate that adapts: up by a quarter while updates end well, halved as soon as they do not or the reports pile up.
//! Looked at once per [`LOOK`], by what ended since the last look; every change says why.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Between two looks.
pub const LOOK: Duration = Duration::from_secs(30);
/// Reports that wait for longer than this mean that the server has enough to do.
pub const BUSY: Duration = Duration::from_secs(5);
/// One failure alone is no trend.
const MIN_FAILED: u64 = 2;

/// Between which bounds a rate adapts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adapt {
    /// Never slower than this, in offers per minute.
    #[schema(minimum = 1, example = 10)]
    pub min_per_minute: u64,
    /// Never faster than this.
    #[schema(minimum = 1, example = 5000)]
    pub max_per_minute: u64,
    /// The share of failures among what ended since the last look above which the rate is halved; 0.02 without it.
    #[serde(default = "two_percent")]
    #[schema(minimum = 0, maximum = 1)]
    pub failed_ratio: f64,
}

fn two_percent() -> f64 {
    0.02
}

/// What happened since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Ends that speak for or against the release.
    pub finished: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// How long the oldest report waits to be applied.
    pub behind: Duration,
}

/// Why the rate is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum PaceReason {
    /// Too many failed since the last look: halved.
    Failures { failed: u64, finished: u64 },
    /// Reports wait for too long: halved.
    Busy { behind_secs: u64 },
    /// All went well: a quarter more.
    Well { finished: u64 },
    /// Nothing ended since the last look: as it was.
    Quiet,
}

impl fmt::Display for PaceReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failures { failed, finished } => write!(f, "{failed} of {finished} vehicles failed lately"),
            Self::Busy { behind_secs } => write!(f, "reports wait {behind_secs} s to be applied"),
            Self::Well { finished } => write!(f, "{finished} vehicles ended lately, and few of them badly"),
            Self::Quiet => f.write_str("nothing ended lately"),
        }
    }
}

/// The rate from now on, and why: halved or a quarter more, within the bounds.
#[must_use]
pub fn adapted(per_minute: u64, adapt: &Adapt, window: &Window) -> (u64, PaceReason) {
    let Window { finished, failed, behind } = *window;
    let bounded = |rate: u64| rate.clamp(adapt.min_per_minute, adapt.max_per_minute.max(adapt.min_per_minute));
    if failed >= MIN_FAILED && ratio(failed, finished) > adapt.failed_ratio {
        return (bounded(per_minute / 2), PaceReason::Failures { failed, finished });
    }
    if behind > BUSY {
        return (bounded(per_minute / 2), PaceReason::Busy { behind_secs: behind.as_secs() });
    }
    if finished == 0 {
        return (bounded(per_minute), PaceReason::Quiet);
    }
    (bounded(per_minute.saturating_add((per_minute / 4).max(1))), PaceReason::Well { finished })
}

#[expect(clippy::cast_precision_loss, reason = "vehicles are far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
