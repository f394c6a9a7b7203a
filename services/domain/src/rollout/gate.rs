//! The gate between two waves. Silent vehicles neither pass nor block it: it asks for a share of those that
//! reported an end, of which there must be enough, or for those there are once the time to report is over.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wave::share_of;

/// What must hold of a wave before the next one opens, beside `gate_installed_ratio`. Each part that is given
/// must hold.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Gate {
    /// Share of the vehicles that reported an end which have installed, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1, example = 0.99)]
    pub success_ratio: Option<f64>,
    /// Share of the wave that must have reported an end before `success_ratio` counts, 0 to 1; all without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1, example = 0.8)]
    pub reported_ratio: Option<f64>,
    /// So long after the wave opened, those that have reported are enough, if there are any. In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 259_200)]
    pub report_within_secs: Option<u64>,
    /// How long all of this must have held. In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 3600)]
    pub soak_secs: Option<u64>,
    /// Share of the vehicles that told how they fare after the installation which said that they are
    /// healthy, 0 to 1; at least one must have told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1, example = 0.995)]
    pub healthy_ratio: Option<f64>,
    /// Whether a person must approve.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approval: bool,
}

/// What a gate is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GateFacts {
    /// Vehicles in the wave.
    pub size: u64,
    pub installed: u64,
    /// Vehicles that reported an end of their own: installed, failed, rolled back or declined.
    pub reported: u64,
    /// Vehicles that may still report one.
    pub left: u64,
    pub healthy: u64,
    pub unhealthy: u64,
    pub opened_at: Option<DateTime<Utc>>,
    /// Since when everything but soak and approval has held, as the engine noted it.
    pub met_at: Option<DateTime<Utc>>,
    pub approved_at: Option<DateTime<Utc>>,
}

/// The first thing that a gate still wants. `Display` ends the sentence "wave 2 opens when …".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "wants", rename_all = "snake_case")]
pub enum Unmet {
    Installed { ratio: f64, size: u64, needed: u64, installed: u64, possible: bool },
    Reports { needed: u64, reported: u64, size: u64, until: Option<DateTime<Utc>> },
    Success { ratio: f64, reported: u64, installed: u64, possible: bool },
    Health { ratio: f64, healthy: u64, told: u64 },
    Soak { until: DateTime<Utc> },
    Approval,
}

/// How a gate stands, for those who look at it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct GateView {
    /// What it still wants; nothing when it holds.
    pub unmet: Option<Unmet>,
    /// Share of the vehicles that reported an end which have installed.
    pub success_ratio: Option<f64>,
    /// Vehicles that reported an end.
    pub reported: u64,
}

#[expect(clippy::cast_precision_loss, reason = "counts of vehicles are below 2^52")]
fn ratio(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

fn secs(secs: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(secs).unwrap_or(i64::MAX / 1000))
}

impl Gate {
    /// What of the counts it still wants: everything but soak and approval, which need these to hold first.
    #[must_use]
    pub fn unmet_counts(&self, installed_ratio: f64, facts: &GateFacts, now: DateTime<Utc>) -> Option<Unmet> {
        if facts.size == 0 {
            return None;
        }
        let needed = share_of(installed_ratio, facts.size);
        if facts.installed < needed {
            let possible = facts.installed + facts.left >= needed;
            let (size, installed) = (facts.size, facts.installed);
            return Some(Unmet::Installed { ratio: installed_ratio, size, needed, installed, possible });
        }
        if let Some(wanted) = self.success_ratio {
            let until = self.report_within_secs.and_then(|within| Some(facts.opened_at? + secs(within)));
            let waited = until.is_some_and(|until| now >= until) && facts.reported > 0;
            let needed = share_of(self.reported_ratio.unwrap_or(1.0), facts.size).max(1);
            if facts.reported < needed && !waited {
                return Some(Unmet::Reports { needed, reported: facts.reported, size: facts.size, until });
            }
            if ratio(facts.installed, facts.reported) < wanted - 1e-9 {
                let (reported, installed) = (facts.reported, facts.installed);
                // At best all that is left installs.
                let possible = ratio(installed + facts.left, reported + facts.left) >= wanted - 1e-9;
                return Some(Unmet::Success { ratio: wanted, reported, installed, possible });
            }
        }
        let told = facts.healthy + facts.unhealthy;
        if let Some(wanted) = self.healthy_ratio
            && (told == 0 || ratio(facts.healthy, told) < wanted - 1e-9)
        {
            return Some(Unmet::Health { ratio: wanted, healthy: facts.healthy, told });
        }
        None
    }

    /// What it still wants.
    #[must_use]
    pub fn unmet(&self, installed_ratio: f64, facts: &GateFacts, now: DateTime<Utc>) -> Option<Unmet> {
        if let Some(unmet) = self.unmet_counts(installed_ratio, facts, now) {
            return Some(unmet);
        }
        if let Some(soak) = self.soak_secs.filter(|_| facts.size > 0) {
            let until = facts.met_at.unwrap_or(now) + secs(soak);
            if now < until {
                return Some(Unmet::Soak { until });
            }
        }
        (self.approval && facts.approved_at.is_none()).then_some(Unmet::Approval)
    }

    /// How it stands.
    #[must_use]
    pub fn view(&self, installed_ratio: f64, facts: &GateFacts, now: DateTime<Utc>) -> GateView {
        GateView {
            unmet: self.unmet(installed_ratio, facts, now),
            success_ratio: (facts.reported > 0).then(|| ratio(facts.installed, facts.reported)),
            reported: facts.reported,
        }
    }
}

impl Unmet {
    /// Whether the gate can still hold some day without anybody doing something.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        !matches!(self, Self::Installed { possible: false, .. } | Self::Success { possible: false, .. })
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed { ratio, size, needed, installed, .. } => {
                write!(f, "{:.1} % of its {size} vehicles have installed ({needed}): {installed} so far", ratio * 100.0)
            }
            Self::Reports { needed, reported, size, until } => {
                write!(f, "{needed} of its {size} vehicles have reported an end: {reported} so far")?;
                until.map_or(Ok(()), |until| write!(f, "; from {} on, those that have are enough", time(until)))
            }
            Self::Success { ratio, reported, installed, .. } => write!(
                f,
                "{:.1} % of those that reported have installed: {installed} of {reported} so far, {:.1} %",
                ratio * 100.0,
                self::ratio(*installed, *reported) * 100.0
            ),
            Self::Health { ratio, healthy, told } => {
                write!(f, "{:.1} % of those that told are healthy: {healthy} of {told} so far", ratio * 100.0)
            }
            Self::Soak { until } => write!(f, "the soak ends at {}", time(*until)),
            Self::Approval => f.write_str("a person approves"),
        }
    }
}

fn time(at: DateTime<Utc>) -> impl fmt::Display {
    at.format("%Y-%m-%d %H:%M:%S UTC")
}
