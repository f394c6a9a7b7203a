//! What is refused of a rollout plan before anything is kept of it: shares that are too much or too little, gates that
//! can never open, tests that can never halt.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::consent;
use super::gate::Gate;
use super::policy::{MIN_BYTES_PER_SEC, Membership, Policy};
use super::wave::{Selector, WavePlan};
use super::window;
use crate::id::Vin;

/// The most waves a campaign may have.
pub const MAX_WAVES: usize = 100;
/// A terabyte: no installation sends more in a second.
pub const MAX_BYTES_PER_SEC: u64 = 1 << 40;
/// The most vehicles a wave may list.
pub const MAX_LISTED_VINS: usize = 10_000;

/// Why a rollout plan is refused: the JSON pointer of the field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{pointer} {problem}")]
pub struct PlanError {
    pub pointer: String,
    pub problem: String,
}

pub(super) fn refuse<T>(pointer: impl Into<String>, problem: impl Into<String>) -> Result<T, PlanError> {
    Err(PlanError { pointer: pointer.into(), problem: problem.into() })
}

/// Checks a rollout plan. Expressions are checked by who can parse them.
///
/// # Errors
/// The first [`PlanError`].
pub fn check_plan(
    waves: &[WavePlan],
    policy: &Policy,
    start_at: Option<DateTime<Utc>>,
    deadline: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), PlanError> {
    if waves.is_empty() || waves.len() > MAX_WAVES {
        return refuse("/waves", format!("needs 1 to {MAX_WAVES} waves"));
    }
    for (index, wave) in waves.iter().enumerate() {
        check_wave(&format!("/waves/{index}"), wave)?;
    }
    check_lists(waves)?;
    check_cut(waves)?;
    check_policy(policy)?;
    if policy.membership == Membership::Continuous {
        check_continuous(waves, policy)?;
    }
    if deadline <= now {
        return refuse("/deadline", "must lie in the future");
    }
    if start_at.is_some_and(|start| start >= deadline) {
        return refuse("/start_at", "must be before /deadline");
    }
    let from = start_at.unwrap_or(now).max(now);
    window::check(&policy.windows, from, deadline)?;
    if let Some(consent) = &policy.consent {
        consent::check(consent)?;
    }
    consent::check_reason("/policy/precondition_waiver", policy.precondition_waiver.as_deref())?;
    check_times(waves, from, deadline)
}

fn check_wave(at: &str, wave: &WavePlan) -> Result<(), PlanError> {
    let given = [wave.share_ratio.is_some(), wave.count.is_some(), wave.expression.is_some(), wave.vins.is_some()];
    if given.into_iter().filter(|given| *given).count() > 1 {
        return refuse(at, "takes one of share_ratio, count, expression and vins; without any it takes the rest");
    }
    match wave.selector() {
        Selector::Share(share) if !(share > 0.0 && share <= 1.0) => {
            return refuse(format!("{at}/share_ratio"), "must be above 0 and at most 1");
        }
        Selector::Count(0) => return refuse(format!("{at}/count"), "must be at least 1"),
        Selector::Vins(vins) if vins.is_empty() || vins.len() > MAX_LISTED_VINS => {
            return refuse(format!("{at}/vins"), format!("takes 1 to {MAX_LISTED_VINS} vehicles"));
        }
        _ => {}
    }
    check_ratio(&format!("{at}/gate_installed_ratio"), Some(wave.gate_installed_ratio))?;
    check_gate(&format!("{at}/gate"), &wave.gate)
}

/// A vehicle is in one wave.
fn check_lists(waves: &[WavePlan]) -> Result<(), PlanError> {
    let mut seen: BTreeMap<&Vin, usize> = BTreeMap::new();
    for (index, wave) in waves.iter().enumerate() {
        for (at, vin) in wave.vins.iter().flatten().enumerate() {
            if let Some(first) = seen.insert(vin, index) {
                let problem = format!("{vin} is in wave {} already", first + 1);
                return refuse(format!("/waves/{index}/vins/{at}"), problem);
            }
        }
    }
    Ok(())
}

fn check_gate(at: &str, gate: &Gate) -> Result<(), PlanError> {
    check_ratio(&format!("{at}/success_ratio"), gate.success_ratio)?;
    check_ratio(&format!("{at}/reported_ratio"), gate.reported_ratio)?;
    check_ratio(&format!("{at}/healthy_ratio"), gate.healthy_ratio)?;
    for (name, given) in
        [("reported_ratio", gate.reported_ratio.is_some()), ("report_within_secs", gate.report_within_secs.is_some())]
    {
        if given && gate.success_ratio.is_none() {
            return refuse(format!("{at}/{name}"), "says when success_ratio counts, which is not given");
        }
    }
    for (name, secs) in [("report_within_secs", gate.report_within_secs), ("soak_secs", gate.soak_secs)] {
        check_secs(&format!("{at}/{name}"), secs)?;
    }
    Ok(())
}

/// The waves that are not listed share the vehicles among them: nobody is left out, and none twice.
fn check_cut(waves: &[WavePlan]) -> Result<(), PlanError> {
    let cut: Vec<(usize, Selector<'_>)> =
        waves.iter().map(WavePlan::selector).enumerate().filter(|(_, selector)| !selector.is_listed()).collect();
    let Some((last, before)) = cut.split_last() else {
        return refuse("/waves", "are all lists: one wave must take the rest, even if it will be empty");
    };
    if let Some((index, _)) = before.iter().find(|(_, selector)| *selector == Selector::Rest) {
        return refuse(format!("/waves/{index}"), "takes the rest, so no wave by share or count may follow");
    }
    let shares = |waves: &[(usize, Selector<'_>)]| -> f64 {
        waves.iter().map(|(_, selector)| if let Selector::Share(share) = selector { *share } else { 0.0 }).sum()
    };
    let sum = shares(&cut);
    let counts = cut.iter().any(|(_, selector)| matches!(selector, Selector::Count(_)));
    match last.1 {
        Selector::Rest if sum < 1.0 - 1e-6 => Ok(()),
        Selector::Rest => refuse("/waves", format!("the shares sum to {sum:.4}, and nothing is left for the rest")),
        _ if counts => refuse(
            format!("/waves/{}", last.0),
            "is the last by share or count: it must take the rest, so give neither",
        ),
        _ if (sum - 1.0).abs() > 1e-6 => refuse("/waves", format!("the shares sum to {sum:.4}, they must sum to 1")),
        _ => Ok(()),
    }
}

/// Who comes later has a rank, and no place in a count.
fn check_continuous(waves: &[WavePlan], policy: &Policy) -> Result<(), PlanError> {
    if let Some(index) = waves.iter().position(|wave| matches!(wave.selector(), Selector::Count(_))) {
        return refuse(format!("/waves/{index}/count"), "is not for a continuous campaign: give a share");
    }
    if policy.supersede {
        return refuse("/policy/supersede", "is for campaigns that take their vehicles once, when they start");
    }
    Ok(())
}

fn check_policy(policy: &Policy) -> Result<(), PlanError> {
    let at = "/policy";
    if policy.max_in_flight == Some(0) {
        return refuse(format!("{at}/max_in_flight"), "must be at least 1");
    }
    if policy.max_bytes_per_sec.is_some_and(|cap| !(MIN_BYTES_PER_SEC..=MAX_BYTES_PER_SEC).contains(&cap)) {
        let problem = format!("must be {MIN_BYTES_PER_SEC} to {MAX_BYTES_PER_SEC} bytes per second");
        return refuse(format!("{at}/max_bytes_per_sec"), problem);
    }
    if policy.rate.is_some_and(|rate| rate.per_minute == 0) {
        return refuse(format!("{at}/rate/per_minute"), "must be at least 1");
    }
    if let Some((rate, adapt)) = policy.rate.and_then(|rate| Some((rate, rate.adapt?))) {
        if adapt.min_per_minute == 0 || adapt.min_per_minute > adapt.max_per_minute {
            return refuse(format!("{at}/rate/adapt"), "needs 1 <= min_per_minute <= max_per_minute");
        }
        if !(adapt.min_per_minute..=adapt.max_per_minute).contains(&rate.per_minute) {
            return refuse(format!("{at}/rate/per_minute"), "must lie between the bounds of /policy/rate/adapt");
        }
        check_ratio(&format!("{at}/rate/adapt/failed_ratio"), Some(adapt.failed_ratio))?;
    }
    if let Some(test) = policy.halt.sequential {
        let at = format!("{at}/halt/sequential");
        if !(test.acceptable_ratio > 0.0
            && test.acceptable_ratio < test.intolerable_ratio
            && test.intolerable_ratio < 1.0)
        {
            return refuse(at, "needs 0 < acceptable_ratio < intolerable_ratio < 1");
        }
        if !(test.alpha > 0.0 && test.alpha < 0.5 && test.beta > 0.0 && test.beta < 0.5) {
            return refuse(at, "needs alpha and beta above 0 and below 0.5");
        }
    }
    if policy.halt.thresholds.len() > 10 {
        return refuse(format!("{at}/halt/thresholds"), "takes at most 10");
    }
    for (index, threshold) in policy.halt.thresholds.iter().enumerate() {
        if !(0.0..1.0).contains(&threshold.failed_ratio) {
            return refuse(format!("{at}/halt/thresholds/{index}/failed_ratio"), "must be 0 to below 1");
        }
    }
    check_secs(&format!("{at}/timeouts/offer_secs"), policy.timeouts.offer_secs)?;
    check_secs(&format!("{at}/timeouts/step_secs"), policy.timeouts.step_secs)?;
    if let Some(retry) = &policy.retry {
        if !(2..=10).contains(&retry.max_attempts) {
            return refuse(format!("{at}/retry/max_attempts"), "must be 2 to 10");
        }
        check_secs(&format!("{at}/retry/backoff_secs"), Some(retry.backoff_secs))?;
        if retry.error_codes.len() > 100 || retry.error_codes.iter().any(|code| code.is_empty() || code.len() > 64) {
            return refuse(format!("{at}/retry/error_codes"), "takes at most 100 codes of 1 to 64 bytes");
        }
    }
    Ok(())
}

/// Waiting alone must not take longer than there is time.
fn check_times(waves: &[WavePlan], from: DateTime<Utc>, deadline: DateTime<Utc>) -> Result<(), PlanError> {
    let available = (deadline - from).num_seconds();
    let mut soaks: i64 = 0;
    for (index, wave) in waves.iter().enumerate().take(waves.len() - 1) {
        soaks = soaks.saturating_add(wave.gate.soak_secs.and_then(|secs| i64::try_from(secs).ok()).unwrap_or(0));
        if soaks >= available {
            let problem =
                format!("the soaks up to here take {soaks} s, and the deadline is {available} s after the start");
            return refuse(format!("/waves/{index}/gate/soak_secs"), problem);
        }
    }
    Ok(())
}

fn check_ratio(pointer: &str, ratio: Option<f64>) -> Result<(), PlanError> {
    if ratio.is_some_and(|ratio| !(0.0..=1.0).contains(&ratio)) { refuse(pointer, "must be 0 to 1") } else { Ok(()) }
}

fn check_secs(pointer: &str, secs: Option<u64>) -> Result<(), PlanError> {
    // Ten years: more is a mistake, and times stay far from their limits.
    if secs.is_some_and(|secs| secs == 0 || secs > 315_360_000) {
        refuse(pointer, "must be 1 to 315,360,000 seconds")
    } else {
        Ok(())
    }
}
