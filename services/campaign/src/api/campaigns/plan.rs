//! The rollout plan of a request: waves one by one, or a ramp that is drawn up here.

use otaru_domain::rollout::{Ramp, WavePlan};
use otaru_http::Problem;
use uuid::Uuid;

use super::{plan_problem, wave_expressions};

/// The waves, or those that the ramp makes.
pub(crate) fn waves(waves: Option<Vec<WavePlan>>, ramp: Option<&Ramp>) -> Result<Vec<WavePlan>, Problem> {
    let waves = match (waves, ramp) {
        (Some(waves), None) => waves,
        (None, Some(ramp)) => ramp.waves().map_err(|error| plan_problem(&error))?,
        (Some(_), Some(_)) => return Err(Problem::invalid("/ramp", "give waves or a ramp, not both")),
        (None, None) => return Err(Problem::invalid("/waves", "give waves, or a ramp that makes them")),
    };
    wave_expressions(&waves)?;
    Ok(waves)
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
