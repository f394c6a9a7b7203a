//! What a campaign is to be, checked: the same for one that is created and one that is changed.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use otaru_domain::expression::ExpressionError;
use otaru_domain::precondition::Precondition;
use otaru_domain::rollout::{Ramp, WavePlan, check_plan};
use otaru_http::Problem;
use otaru_store::campaigns::Settings;
use uuid::Uuid;

use super::{plan_problem, target, wave_expressions};
use crate::auth::{Actor, Role};
use crate::check;
use crate::error::ApiError;

pub(super) const MAX_NAME_BYTES: usize = 200;
pub(super) const PRIORITIES: RangeInclusive<i32> = -1000..=1000;

/// Refuses what could not be carried out, at its field.
pub(crate) fn check(settings: &Settings, now: DateTime<Utc>) -> Result<(), Problem> {
    check::name("/name", &settings.name, MAX_NAME_BYTES)?;
    target(&settings.target)?;
    precondition(settings.precondition.as_deref())?;
    if settings.precondition.is_none() && settings.policy.precondition_waiver.is_some() {
        return Err(Problem::invalid(
            "/policy/precondition_waiver",
            "there is no precondition to waive: leave one of them",
        ));
    }
    wave_expressions(&settings.waves)?;
    check_plan(&settings.waves, &settings.policy, settings.start_at, settings.deadline, now)
        .map_err(|error| plan_problem(&error))?;
    if !PRIORITIES.contains(&settings.priority) {
        let detail = format!("/priority must be {} to {}", PRIORITIES.start(), PRIORITIES.end());
        return Err(Problem::invalid("/priority", detail));
    }
    Ok(())
}

/// Refuses a precondition that no vehicle could evaluate, at its position.
pub(crate) fn precondition(source: Option<&str>) -> Result<(), Problem> {
    let Some(source) = source else { return Ok(()) };
    let wrong = |error: ExpressionError| Problem::invalid("/precondition", error.message).position(error.position);
    Precondition::parse(source).map(drop).map_err(wrong)
}

/// Refuses what the caller may not ask for: to install without asking a driver, or without a check of the precondition,
/// is for approvers.
pub(crate) fn permit(actor: &Actor, settings: &Settings) -> Result<(), ApiError> {
    let forced = settings.policy.consent.as_ref().is_some_and(|consent| consent.force_reason.is_some());
    let waived = settings.policy.precondition_waiver.is_some();
    if forced || waived { actor.require(Role::Approver) } else { Ok(()) }
}

/// The waves, or those that the ramp makes.
pub(crate) fn waves(waves: Option<Vec<WavePlan>>, ramp: Option<&Ramp>) -> Result<Vec<WavePlan>, Problem> {
    match (waves, ramp) {
        (Some(waves), None) => Ok(waves),
        (None, Some(ramp)) => ramp.waves().map_err(|error| plan_problem(&error)),
        (Some(_), Some(_)) => Err(Problem::invalid("/ramp", "give waves or a ramp, not both")),
        (None, None) => Err(Problem::invalid("/waves", "give waves, or a ramp that makes them")),
    }
}

/// The salt that ranks the vehicles: a preview's, or a new one.
pub(crate) fn salt(given: Option<String>) -> Result<String, Problem> {
    match given {
        None => Ok(Uuid::new_v4().simple().to_string()),
        Some(salt) if salt.len() == 32 && salt.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) => {
            Ok(salt)
        }
        Some(_) => Err(Problem::invalid("/salt", "/salt is 32 hexadecimal digits, as a preview gives it")),
    }
}
