//! Waves: which part of the campaign's vehicles each of them takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::{MAX_WAVES, PlanError, refuse};
use super::gate::Gate;
use crate::id::Vin;
use crate::membership::RANK_BITS;

/// A step of a rollout plan, as an engineer asks for it. At most one of `share_ratio`, `count`,
/// `expression` and `vins` says who is in it; a wave with none of them takes the rest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WavePlan {
    /// The wave's share of the vehicles that no listed wave takes, above 0 and at most 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1, example = 0.05)]
    pub share_ratio: Option<f64>,
    /// So many vehicles, or as many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub count: Option<u64>,
    /// CEL: those of the campaign's vehicles that match and are in no earlier listed wave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096, example = "\"canary\" in tags")]
    pub expression: Option<String>,
    /// These of the campaign's vehicles; at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 10_000)]
    pub vins: Option<Vec<Vin>>,
    /// The next wave opens when this share of the wave has installed, 0 to 1.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1, example = 0.9)]
    pub gate_installed_ratio: f64,
    /// What else must hold before the next wave opens.
    #[serde(default)]
    pub gate: Gate,
}

/// How a wave takes its vehicles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Selector<'a> {
    Share(f64),
    Count(u64),
    Rest,
    Expression(&'a str),
    Vins(&'a [Vin]),
}

impl Selector<'_> {
    /// Whether the wave's members are looked up, and not cut from the ranked order. A vehicle cannot check
    /// for itself that it is in such a wave.
    #[must_use]
    pub fn is_listed(self) -> bool {
        matches!(self, Self::Expression(_) | Self::Vins(_))
    }
}

impl WavePlan {
    /// A wave by share, with the simplest gate.
    #[must_use]
    pub fn share(share_ratio: f64, gate_installed_ratio: f64) -> Self {
        Self { share_ratio: Some(share_ratio), gate_installed_ratio, ..Self::default() }
    }

    /// How it takes its vehicles; the first that is given, for a plan that was checked has only one.
    #[must_use]
    pub fn selector(&self) -> Selector<'_> {
        match (self.share_ratio, self.count, &self.expression, &self.vins) {
            (Some(share), ..) => Selector::Share(share),
            (_, Some(count), ..) => Selector::Count(count),
            (_, _, Some(expression), _) => Selector::Expression(expression),
            (.., Some(vins)) => Selector::Vins(vins),
            _ => Selector::Rest,
        }
    }
}

/// The last position (1-based, in rank order) of each wave that is not listed, among the `ranked` vehicles
/// that no listed wave took. Every one of them is in exactly one wave; rounding favours the earlier wave, and a
/// small campaign may have empty waves, but the first has a vehicle if there is one.
#[must_use]
pub fn wave_ends(waves: &[WavePlan], ranked: u64) -> Vec<u64> {
    let (mut share, mut counted) = (0.0, 0_u64);
    let cut = waves.iter().map(WavePlan::selector).filter(|selector| !selector.is_listed());
    let mut ends: Vec<u64> = cut
        .map(|selector| {
            match selector {
                Selector::Share(ratio) => share += ratio,
                Selector::Count(count) => counted = counted.saturating_add(count),
                _ => counted = ranked,
            }
            counted.saturating_add(share_of(share, ranked)).clamp(ranked.min(1), ranked)
        })
        .collect();
    if let Some(last) = ends.last_mut() {
        *last = ranked;
    }
    ends
}

/// The highest rank of each wave that is not listed, cut from all ranks there are: for a campaign whose vehicles are not
/// all known yet. Every rank is in exactly one of them.
#[must_use]
pub fn rank_cutoffs(waves: &[WavePlan]) -> Vec<u64> {
    const RANKS: u64 = 1 << RANK_BITS;
    wave_ends(waves, RANKS).into_iter().map(|end| end - 1).collect()
}

/// Waves that grow until all vehicles are in, each with the same gate before the next: an exponential ramp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// The share of the first wave, above 0 and at most 0.5.
    #[schema(minimum = 0, maximum = 0.5, example = 0.01)]
    pub first_ratio: f64,
    /// How much larger each wave is than the one before, above 1 and at most 10.
    #[schema(minimum = 1, maximum = 10, example = 3)]
    pub factor: f64,
    /// The next wave opens when this share of the wave has installed, 0 to 1.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    pub gate_installed_ratio: f64,
    #[serde(default)]
    pub gate: Gate,
}

impl Ramp {
    /// The waves it makes.
    ///
    /// # Errors
    /// [`PlanError`] when it would not grow, or begins too large to be one.
    pub fn waves(&self) -> Result<Vec<WavePlan>, PlanError> {
        if !(self.first_ratio > 0.0 && self.first_ratio <= 0.5) {
            return refuse("/ramp/first_ratio", "must be above 0 and at most 0.5");
        }
        if !(self.factor > 1.0 && self.factor <= 10.0) {
            return refuse("/ramp/factor", "must be above 1 and at most 10");
        }
        let wave = |share_ratio| WavePlan {
            share_ratio,
            gate_installed_ratio: self.gate_installed_ratio,
            gate: self.gate.clone(),
            ..WavePlan::default()
        };
        let mut waves = Vec::new();
        let (mut share, mut sum) = (self.first_ratio, 0.0);
        // The last wave takes the rest: a sliver of a wave beyond it would only cost time.
        while sum + share * 1.5 < 1.0 && waves.len() + 1 < MAX_WAVES {
            waves.push(wave(Some(share)));
            sum += share;
            share *= self.factor;
        }
        waves.push(wave(None));
        Ok(waves)
    }
}

/// `ratio` of `n`, rounded up, and safe against 0.1 + 0.2.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "0 <= ratio <= 1 and n < 2^52"
)]
pub fn share_of(ratio: f64, n: u64) -> u64 {
    ((ratio * n as f64) - 1e-6).ceil().clamp(0.0, n as f64) as u64
}
