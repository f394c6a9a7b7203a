//! When a simulated vehicle may be offered the update, and when it may install: rate, `max_in_flight` and windows.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::rollout::{LOOK, PaceWindow, Policy, adapted};

/// Windows are looked up in steps of this, for all runs once.
const STEP_MS: i64 = 15 * 60 * 1000;
/// Beyond the longest deadline that has steps of its own, a vehicle installs when it likes.
const MAX_STEPS: i64 = 400 * 24 * 4;

/// When vehicles may begin to install, by the campaign's default zone: where each vehicle is, nobody knows here.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Openings {
    /// By step from the beginning: the first time in or after it; empty when there are no windows.
    opens_ms: Vec<i64>,
}

impl Openings {
    pub(super) fn of(policy: &Policy, now: DateTime<Utc>, deadline: DateTime<Utc>) -> Self {
        let windows = &policy.windows;
        if windows.is_empty() {
            return Self { opens_ms: Vec::new() };
        }
        let zone = windows.zone(None);
        let steps = ((deadline - now).num_milliseconds() / STEP_MS + 1).clamp(1, MAX_STEPS);
        let mut opens_ms: Vec<i64> = Vec::new();
        for from in (0..steps).map(|step| step * STEP_MS) {
            // What opens later than now opens first for those that come later, too.
            let known = opens_ms.last().copied().filter(|opens| *opens >= from);
            opens_ms.push(known.unwrap_or_else(|| {
                let opens = windows.opens(now + TimeDelta::milliseconds(from), zone);
                opens.map_or(i64::MAX, |at| (at - now).num_milliseconds())
            }));
        }
        Self { opens_ms }
    }

    /// The first time at `ms` or later at which it may begin; none before the deadline is `i64::MAX`.
    pub(super) fn next(&self, ms: i64) -> i64 {
        let step = usize::try_from(ms / STEP_MS).unwrap_or(0);
        self.opens_ms.get(step).map_or(ms, |opens| ms.max(*opens))
    }
}

/// The rate of offers. An offer to several vehicles takes the time of several.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pace {
    per_minute: u64,
    /// The next offer is not before.
    free_ms: f64,
    looked_ms: i64,
    seen: (u64, u64),
}

/// Offers that were not made are made up for by at most this.
const BURST_MS: f64 = 1000.0;

impl Pace {
    pub(super) fn new(per_minute: u64) -> Self {
        Self { per_minute, free_ms: 0.0, looked_ms: 0, seen: (0, 0) }
    }

    /// When the next offer may be made.
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of some years")]
    pub(super) fn free_ms(&self) -> i64 {
        self.free_ms.ceil() as i64
    }

    /// Takes the offers to `vehicles`.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds and vehicles are below 2^52")]
    pub(super) fn take(&mut self, now_ms: i64, vehicles: u64) {
        let from = self.free_ms.max(now_ms as f64 - BURST_MS);
        self.free_ms = from + vehicles as f64 * 60_000.0 / self.per_minute.max(1) as f64;
    }

    /// Adapts the rate as the engine does, by what ended since the last look; reports never wait here.
    pub(super) fn look(&mut self, policy: &Policy, now_ms: i64, outcomes: impl FnOnce() -> (u64, u64)) {
        let Some(bounds) = policy.rate.and_then(|rate| rate.adapt) else { return };
        if now_ms - self.looked_ms < i64::try_from(LOOK.as_millis()).unwrap_or(i64::MAX) {
            return;
        }
        let (finished, failed) = outcomes();
        let window = PaceWindow {
            finished: finished.saturating_sub(self.seen.0),
            failed: failed.saturating_sub(self.seen.1),
            behind: Duration::ZERO,
        };
        self.per_minute = adapted(self.per_minute, &bounds, &window).0;
        (self.looked_ms, self.seen) = (now_ms, (finished, failed));
    }
}
