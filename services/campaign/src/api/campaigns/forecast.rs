//! `GET /campaigns/{id}/forecast` and `/forecasts`: when a running campaign ends, and how often that was right.

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::campaign::CampaignState;
use otaru_domain::clock;
use otaru_domain::id::CampaignId;
use otaru_domain::rehearsal::{self as rules, DEFAULT_RUNS, FinishBand, FleetSource, Forecast, Milestone, is_covered};
use otaru_http::Json;
use otaru_store::campaigns::Campaign;
use otaru_store::forecasts::{self, Kept};
use serde::Serialize;
use utoipa::ToSchema;

use super::found;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;
use crate::rehearsal::{self, Stage};

/// More are not kept of a campaign, but for its waves.
const MAX_LISTED: i64 = 1000;

/// When a campaign that is under way ends, from where it stands now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CampaignForecast {
    campaign: CampaignId,
    /// Null for a campaign that is not under way: rehearse one that has not started.
    #[schema(required = true)]
    forecast: Option<Forecast>,
    #[schema(required = true)]
    measured_from: Option<FleetSource>,
}

/// Forecast a running campaign
///
/// As a rehearsal with past failures, from where it stands; one that is paused or halted as if it were resumed now.
#[utoipa::path(
    get,
    path = "/campaigns/{id}/forecast", operation_id = "get_forecast",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 200, description = "When it ends", body = CampaignForecast))
)]
pub(crate) async fn forecast(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<Json<CampaignForecast>, ApiError> {
    let standing = found(&app.store, id).await?;
    if !standing.campaign.state.is_under_way() {
        return Ok(Json(CampaignForecast { campaign: id, forecast: None, measured_from: None }));
    }
    let Stage { course, fleet } = rehearsal::stage(&app, &standing, clock::now()).await?;
    let measured_from = Some(fleet.source());
    let seed = id.unsigned_abs();
    let forecast = rehearsal::computed(&app, move || rules::forecast(&course, &fleet, DEFAULT_RUNS, seed)).await?;
    Ok(Json(CampaignForecast { campaign: id, forecast: Some(forecast), measured_from }))
}

/// A forecast that was made while the campaign ran.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PastForecast {
    made_at: DateTime<Utc>,
    runs: u32,
    /// Null when all runs halted.
    #[schema(required = true)]
    finish: Option<FinishBand>,
    late_ratio: f64,
    false_halt_ratio: f64,
    /// Vehicles of past campaigns that it was measured from; 0 when delays were assumed.
    measured_from: u64,
    /// Whether the campaign ended within `finish`; null while it runs, and when it was cancelled.
    #[schema(required = true)]
    covered: Option<bool>,
}

/// How many vehicles were to have reached an end by when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlannedCourse {
    /// From when on it was played.
    from: DateTime<Utc>,
    milestones: Vec<Milestone>,
}

/// What was expected of a campaign, and whether it came true.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PastForecasts {
    /// When it completed; null before, and when it was cancelled.
    #[schema(required = true)]
    completed_at: Option<DateTime<Utc>>,
    /// The share of the forecasts whose band held that; eight in ten should. Null without both.
    #[schema(required = true)]
    covered_ratio: Option<f64>,
    /// The campaign's plan: the course of its first forecast, made as its first wave opened. Null before, of continuous campaigns, and
    /// of those whose first forecast was made before courses were kept.
    #[schema(required = true)]
    planned: Option<PlannedCourse>,
    /// The newest first. One is made when a wave has opened, and every 15 minutes; less often for campaigns of more than two days.
    items: Vec<PastForecast>,
}

/// List what was forecast of a campaign
#[utoipa::path(
    get,
    path = "/campaigns/{id}/forecasts", operation_id = "list_forecasts",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 200, description = "At most 1,000 forecasts", body = PastForecasts))
)]
pub(crate) async fn forecasts(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<Json<PastForecasts>, ApiError> {
    let campaign = found(&app.store, id).await?.campaign;
    let kept = forecasts::of(&app.store, id, MAX_LISTED).await?;
    let items: Vec<PastForecast> = kept.into_iter().map(|one| scored(one, &campaign)).collect();
    let planned = forecasts::planned(&app.store, id).await?;
    let planned = planned.map(|(from, milestones)| PlannedCourse { from, milestones });
    let (completed_at, covered_ratio) = (completed_at(&campaign), covered_ratio(&items));
    Ok(Json(PastForecasts { completed_at, covered_ratio, planned, items }))
}

fn completed_at(campaign: &Campaign) -> Option<DateTime<Utc>> {
    campaign.ended_at.filter(|_| campaign.state == CampaignState::Completed)
}

fn scored(kept: Kept, campaign: &Campaign) -> PastForecast {
    let Kept { made_at, runs, band, late_ratio, false_halt_ratio, measured_from } = kept;
    let held = |ended_at| band.is_some_and(|band| is_covered(&band, ended_at, campaign.deadline));
    let covered = completed_at(campaign).map(held);
    PastForecast { made_at, runs, finish: band, late_ratio, false_halt_ratio, measured_from, covered }
}

#[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
fn covered_ratio(items: &[PastForecast]) -> Option<f64> {
    let scored: Vec<bool> = items.iter().filter_map(|one| one.covered).collect();
    let covered = scored.iter().filter(|covered| **covered).count();
    (!scored.is_empty()).then(|| covered as f64 / scored.len() as f64)
}
