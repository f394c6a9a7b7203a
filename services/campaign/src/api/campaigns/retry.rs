//! `POST /campaigns/{id}/retries`: a person tries failed vehicles again.

use axum::extract::State;
use otaru_domain::clock;
use otaru_domain::id::{CampaignId, Vin};
use otaru_http::{Json, Problem};
use otaru_store::retries::Choice;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Actor;
use crate::engine;
use crate::error::ApiError;
use crate::extract::PathPart;

/// Vehicles per call.
const MOST: i64 = 10_000;

/// Which of the campaign's vehicles that failed, rolled back or timed out; all of them without a field.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryRequest {
    /// Those whose last attempt failed with this code.
    #[serde(default)]
    #[schema(max_length = 64)]
    error_code: Option<String>,
    /// Those of this wave.
    #[serde(default)]
    wave: Option<u32>,
    /// These; at most 10,000.
    #[serde(default)]
    #[schema(max_items = 10_000)]
    vins: Option<Vec<Vin>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Retried {
    /// Vehicles that begin another attempt.
    vehicles: usize,
    /// Whether there are more: call again once these have begun.
    more: bool,
}

/// Try failed vehicles again
///
/// Each begins another attempt, at most 10,000 per call. A vehicle that is under way, or has installed, is left alone.
#[utoipa::path(
    post,
    path = "/campaigns/{id}/retries", operation_id = "retry_vehicles",
    tag = "campaigns",
    params(("id" = i64, Path)),
    request_body = RetryRequest,
    responses((status = 200, description = "They begin another attempt", body = Retried))
)]
pub(crate) async fn retry(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<CampaignId>,
    Json(request): Json<RetryRequest>,
) -> Result<Json<Retried>, ApiError> {
    if request.vins.as_ref().is_some_and(|vins| i64::try_from(vins.len()).unwrap_or(i64::MAX) > MOST) {
        return Err(Problem::invalid("/vins", "/vins takes at most 10,000 vehicles").into());
    }
    let choice = Choice { error_code: request.error_code, wave: request.wave, vins: request.vins };
    let vehicles = engine::retry_chosen(&app, &actor.name, id, &choice, MOST, clock::now()).await?;
    Ok(Json(Retried { vehicles, more: i64::try_from(vehicles).unwrap_or(i64::MAX) == MOST }))
}
