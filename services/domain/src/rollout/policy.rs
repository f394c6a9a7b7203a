//! How a campaign treats its vehicles: how many at once, how fast, how long it waits for them, what it tries again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::consent::Consent;
use super::halt::HaltPolicy;
use super::pace::Adapt;
use super::window::Windows;

/// The least a cap on bandwidth may be: below it, downloads that share it look dead to their clients.
pub const MIN_BYTES_PER_SEC: u64 = 16_384;

/// The policies of a campaign. Each one is off without it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Whether vehicles that come to match later join while it runs.
    #[serde(skip_serializing_if = "is_default")]
    pub membership: Membership,
    /// The most vehicles under way at once, from the offer on: what is exposed when the campaign halts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 500)]
    pub max_in_flight: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The most bytes of images that its vehicles are sent in a second, over all gateways. Whoever downloads without
    /// saying which vehicle it is does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 16_384, example = 50_000_000)]
    pub max_bytes_per_sec: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub halt: HaltPolicy,
    #[serde(skip_serializing_if = "is_default")]
    pub timeouts: Timeouts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Whether it ends updates of the same ECUs by campaigns that started earlier, wherever they do not install yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub supersede: bool,
    /// Offers the update to vehicles that cannot evaluate the precondition (they speak DDI) without it, for this
    /// reason: an approver's decision, and part of what is reviewed. Without it they are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, example = "bench vehicles, always parked")]
    pub precondition_waiver: Option<String>,
    /// What the driver is told and asked; nothing without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// When vehicles may begin to install.
    #[serde(skip_serializing_if = "is_default")]
    pub windows: Windows,
}

/// Which vehicles a campaign takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// Those that match when it starts.
    #[default]
    Snapshot,
    /// Those that match at any time until its deadline. Whoever joined stays, whether or not it matches later.
    Continuous,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How many vehicles are offered the update per minute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// New offers per minute, over all gateways.
    #[schema(minimum = 1, example = 1000)]
    pub per_minute: u64,
    /// Lets the rate rise while updates end well, and halves it when they do not; it begins at `per_minute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapt: Option<Adapt>,
}

/// How long a vehicle may take; what takes longer is `timed_out`. In seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// From the offer to the first report of the vehicle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 604_800)]
    pub offer_secs: Option<u64>,
    /// From one report to the next while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 7200)]
    pub step_secs: Option<u64>,
}

/// What is tried again by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all, the first included; 2 to 10.
    #[schema(minimum = 2, maximum = 10, example = 3)]
    pub max_attempts: u32,
    /// Before the second attempt; twice as long before each further one. In seconds.
    #[schema(minimum = 1, example = 600)]
    pub backoff_secs: u64,
    /// The error codes that are tried again; every one without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub error_codes: Vec<String>,
    /// Whether vehicles that timed out are tried again as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
}

impl Retry {
    /// The pause before attempt `next`, in seconds.
    #[must_use]
    pub fn pause_secs(&self, next: u32) -> u64 {
        self.backoff_secs.saturating_mul(1 << next.saturating_sub(2).min(20))
    }

    /// Whether a failure with this code is tried again.
    #[must_use]
    pub fn covers(&self, error_code: Option<&str>) -> bool {
        self.error_codes.is_empty() || error_code.is_some_and(|code| self.error_codes.iter().any(|known| known == code))
    }
}
