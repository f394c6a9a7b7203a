//! The rollout plan of a request: waves one by one, or a ramp that is drawn up here.

use otaru_domain::rollout::{Gate, WavePlan, ramp};
use otaru_http::Problem;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::wave_expressions;

/// Waves that grow until all vehicles are in: each with the same gate before the next.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ramp {
    /// The share of the first wave, above 0 and at most 0.5.
    #[schema(minimum = 0, maximum = 0.5, example = 0.01)]
    first_ratio: f64,
    /// How much larger each wave is than the one before, above 1 and at most 10.
    #[schema(minimum = 1, maximum = 10, example = 3)]
    factor: f64,
    /// The next wave opens when this share of the wave has installed, 0 to 1.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    gate_installed_ratio: f64,
    #[serde(default)]
    gate: Gate,
}

/// The waves, or (with `null` for them) the ramp that makes them.
pub(crate) fn waves(waves: Option<Vec<WavePlan>>, drawn: Option<&Ramp>) -> Result<Vec<WavePlan>, Problem> {
    let waves = match (waves, drawn) {
        (Some(waves), None) => waves,
        (None, Some(drawn)) => {
            if !(drawn.first_ratio > 0.0 && drawn.first_ratio <= 0.5) {
                return Err(Problem::invalid("/ramp/first_ratio", "/ramp/first_ratio must be above 0 and at most 0.5"));
            }
            if !(drawn.factor > 1.0 && drawn.factor <= 10.0) {
                return Err(Problem::invalid("/ramp/factor", "/ramp/factor must be above 1 and at most 10"));
            }
            ramp(drawn.first_ratio, drawn.factor, drawn.gate_installed_ratio, &drawn.gate)
        }
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
