//! When a campaign stops by itself. A threshold that is looked at after every report stops good releases, because
//! it is tested a thousand times; a sequential probability ratio test (A. Wald, "Sequential Tests of Statistical
//! Hypotheses", 1945) is made for looking. Only its upper bound is used: a campaign is never accepted early.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// When a campaign halts. Every rule is judged per wave, over what has ended since the campaign was last resumed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HaltPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequential: Option<Sequential>,
    /// Plain limits, for those who want them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub thresholds: Vec<Threshold>,
    /// Whether a vehicle that timed out counts as failed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub silence_is_failure: bool,
}

/// A sequential probability ratio test on failures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sequential {
    /// The share of failures of a good release, above 0.
    #[schema(minimum = 0, maximum = 1, example = 0.01)]
    pub acceptable_ratio: f64,
    /// The share of failures that must be stopped, above the acceptable one and below 1.
    #[schema(minimum = 0, maximum = 1, example = 0.05)]
    pub intolerable_ratio: f64,
    /// How often a good campaign may be halted, over all of its waves together. 0.01 without it.
    #[serde(default = "one_percent")]
    #[schema(minimum = 0, maximum = 1)]
    pub alpha: f64,
    /// How often an intolerable one may be missed. 0.01 without it.
    #[serde(default = "one_percent")]
    #[schema(minimum = 0, maximum = 1)]
    pub beta: f64,
}

fn one_percent() -> f64 {
    0.01
}

/// What a threshold is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdOf {
    /// All vehicles of the wave.
    Wave,
    /// Those that have ended.
    Finished,
}

/// A plain limit: halts when more than `failed_ratio` of the wave, or of those that have ended, failed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    #[schema(minimum = 0, maximum = 1, example = 0.03)]
    pub failed_ratio: f64,
    pub of: ThresholdOf,
    /// Ends that must be there before it counts.
    #[serde(default)]
    pub min_finished: u64,
}

/// How vehicles of a wave have ended, earlier attempts included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// Vehicles in the wave.
    pub size: u64,
    /// Ends that speak for or against the release: installed or failed.
    pub finished: u64,
    /// Those of them that failed.
    pub failed: u64,
}

/// Why a campaign was halted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum HaltReason {
    Sequential {
        wave: u32,
        failed: u64,
        finished: u64,
        acceptable_ratio: f64,
        intolerable_ratio: f64,
        /// The logarithm of the likelihood ratio, and the bound it reached.
        log_ratio: f64,
        bound: f64,
    },
    Threshold {
        wave: u32,
        failed: u64,
        of: u64,
        failed_ratio: f64,
    },
}

impl fmt::Display for HaltReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequential { wave, failed, finished, acceptable_ratio, intolerable_ratio, .. } => write!(
                f,
                "{failed} of {finished} vehicles failed in wave {wave}: that is the {:.1} % that must be stopped rather than the \
                 {:.1} % that are acceptable",
                intolerable_ratio * 100.0,
                acceptable_ratio * 100.0
            ),
            Self::Threshold { wave, failed, of, failed_ratio } => {
                write!(f, "{failed} of {of} vehicles failed in wave {wave}, more than {:.1} %", failed_ratio * 100.0)
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of vehicles are below 2^52")]
fn float(n: u64) -> f64 {
    n as f64
}

impl Sequential {
    /// Wald's upper bound for one of `waves` waves: the error is shared out among them.
    fn bound(&self, waves: usize) -> f64 {
        let alpha = self.alpha / float(waves.max(1) as u64);
        ((1.0 - self.beta) / alpha).ln()
    }

    fn log_ratio(&self, outcomes: &Outcomes) -> f64 {
        let (good, bad) = (self.acceptable_ratio, self.intolerable_ratio);
        let installed = outcomes.finished.saturating_sub(outcomes.failed);
        float(outcomes.failed) * (bad / good).ln() + float(installed) * ((1.0 - bad) / (1.0 - good)).ln()
    }
}

/// Why `wave`, one of `waves`, halts its campaign, if it does.
#[must_use]
pub fn halts(policy: &HaltPolicy, wave: u32, waves: usize, outcomes: &Outcomes) -> Option<HaltReason> {
    let (failed, finished) = (outcomes.failed, outcomes.finished);
    if failed == 0 {
        return None;
    }
    if let Some(test) = &policy.sequential {
        let (log_ratio, bound) = (test.log_ratio(outcomes), test.bound(waves));
        if log_ratio >= bound {
            let (acceptable_ratio, intolerable_ratio) = (test.acceptable_ratio, test.intolerable_ratio);
            return Some(HaltReason::Sequential {
                wave,
                failed,
                finished,
                acceptable_ratio,
                intolerable_ratio,
                log_ratio,
                bound,
            });
        }
    }
    policy.thresholds.iter().find_map(|threshold| {
        let of = match threshold.of {
            ThresholdOf::Wave => outcomes.size,
            ThresholdOf::Finished => finished,
        };
        let exceeded = finished >= threshold.min_finished && float(failed) > threshold.failed_ratio * float(of) + 1e-9;
        exceeded.then_some(HaltReason::Threshold { wave, failed, of, failed_ratio: threshold.failed_ratio })
    })
}

/// How many more failures in a row would halt the campaign; `None` when no rule ever would.
#[must_use]
pub fn failures_until_halt(policy: &HaltPolicy, wave: u32, waves: usize, outcomes: &Outcomes) -> Option<u64> {
    let after =
        |more: u64| Outcomes { failed: outcomes.failed + more, finished: outcomes.finished + more, ..*outcomes };
    let left = outcomes.size.saturating_sub(outcomes.finished);
    halts(policy, wave, waves, &after(left))?;
    // Each further failure only speaks against it: the first that halts is found by halving.
    let (mut low, mut high) = (0, left);
    while low < high {
        let middle = low + (high - low) / 2;
        if halts(policy, wave, waves, &after(middle)).is_some() { high = middle } else { low = middle + 1 }
    }
    Some(low)
}
