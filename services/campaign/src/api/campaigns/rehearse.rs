//! `POST /campaigns/{id}/rehearse`: how the campaign would go, before it does.

use axum::extract::State;
use otaru_domain::clock;
use otaru_domain::id::CampaignId;
use otaru_domain::rehearsal::{self as rules, DEFAULT_RUNS, MAX_RUNS, MIN_RUNS, Rehearsal};
use otaru_http::{Json, Problem};
use otaru_store::campaigns;
use serde::Deserialize;
use utoipa::ToSchema;

use super::found;
use crate::app::App;
use crate::auth::Actor;
use crate::engine::CampaignError;
use crate::error::ApiError;
use crate::extract::PathPart;
use crate::rehearsal::{self, Stage};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RehearsalRequest {
    /// Gives the same answer again; the campaign's number without it.
    #[serde(default)]
    seed: Option<u64>,
    /// How often it is played with past failures, and as often with `failure_ratio`; less often where each takes long.
    #[serde(default = "default_runs")]
    #[schema(minimum = 20, maximum = 1000, default = 200)]
    runs: u32,
    /// The share of updates that fail if the release is bad, above 0 and at most 1.
    #[serde(default = "default_failure_ratio")]
    #[schema(minimum = 0, maximum = 1, default = 0.05)]
    failure_ratio: f64,
}

fn default_runs() -> u32 {
    DEFAULT_RUNS
}

fn default_failure_ratio() -> f64 {
    0.05
}

impl RehearsalRequest {
    fn check(&self) -> Result<(), Problem> {
        if !(MIN_RUNS..=MAX_RUNS).contains(&self.runs) {
            return Err(Problem::invalid("/runs", format!("/runs must be {MIN_RUNS} to {MAX_RUNS}")));
        }
        if !(self.failure_ratio > 0.0 && self.failure_ratio <= 1.0) {
            return Err(Problem::invalid("/failure_ratio", "/failure_ratio must be above 0 and at most 1"));
        }
        Ok(())
    }
}

/// Rehearse a campaign
///
/// Plays the campaign with the engine's own planner against simulated vehicles, which come, take their time and fail as those of its
/// models did in past campaigns: when it ends, how often it halts although nothing is wrong, how many vehicles a bad release reaches,
/// what gateways and CDN carry per hour. One that has started is played from where it stands, as if it were resumed. A wave that
/// waits for a person's approval is taken to get it at once, and vehicles are taken to be in the default zone of its windows. Changes nothing.
#[utoipa::path(
    post,
    path = "/campaigns/{id}/rehearse", operation_id = "rehearse_campaign",
    tag = "campaigns",
    params(("id" = i64, Path)),
    request_body = RehearsalRequest,
    responses((status = 200, description = "How it would go", body = Rehearsal))
)]
pub(crate) async fn rehearse(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
    Json(request): Json<RehearsalRequest>,
) -> Result<Json<Rehearsal>, ApiError> {
    request.check()?;
    let standing = found(&app.store, id).await?;
    let now = clock::now();
    if standing.campaign.state.has_ended() {
        let detail = format!("campaign {id} is {}: nothing of it is left to rehearse", standing.campaign.state);
        return Err(Problem::conflict("campaign-state", detail).into());
    }
    if standing.campaign.deadline <= now {
        return Err(CampaignError::DeadlinePast.into());
    }
    let bytes = campaigns::image_bytes(&app.store, standing.campaign.release).await?;
    let Stage { course, fleet } = rehearsal::stage(&app, &standing, now).await?;
    if course.vehicles() == 0 {
        return Err(CampaignError::NoVehicles(Vec::new()).into());
    }
    let RehearsalRequest { seed, runs, failure_ratio } = request;
    let seed = seed.unwrap_or_else(|| id.unsigned_abs());
    let rehearsed =
        rehearsal::computed(&app, move || rules::rehearse(&course, &fleet, runs, seed, failure_ratio, bytes)).await?;
    Ok(Json(rehearsed))
}
