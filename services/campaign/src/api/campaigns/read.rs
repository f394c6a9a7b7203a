//! Reading campaigns, their waves, and what happened to them.

use axum::extract::State;
use otaru_domain::campaign::CampaignState;
use otaru_domain::clock;
use otaru_domain::event::Event;
use otaru_domain::id::{CampaignId, ReleaseId};
use otaru_http::Json;
use otaru_store::{campaigns, events as stored_events};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::found;
use super::view::{CampaignView, WaveView};
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CampaignFilter {
    /// Only campaigns in this state.
    state: Option<CampaignState>,
    /// Only campaigns of this release.
    #[param(value_type = Option<i64>)]
    release: Option<ReleaseId>,
}

/// A page of campaigns, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CampaignPage {
    items: Vec<CampaignView>,
    next_cursor: Option<String>,
}

/// All waves of a campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WavePage {
    items: Vec<WaveView>,
    /// Always null: a campaign has few waves.
    next_cursor: Option<String>,
}

/// A page of events, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage {
    items: Vec<Event>,
    next_cursor: Option<String>,
}

/// List campaigns
#[utoipa::path(
    get,
    path = "/campaigns", operation_id = "list_campaigns",
    tag = "campaigns",
    params(PageQuery, CampaignFilter), responses((status = 200, description = "Newest first", body = CampaignPage))
)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Actor,
    Query(page): Query<PageQuery>,
    Query(filter): Query<CampaignFilter>,
) -> Result<Json<CampaignPage>, ApiError> {
    let window = page.window::<CampaignId>()?;
    let rows = campaigns::page(&app.store, filter.state, filter.release, window.after, window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |row| row.campaign.id);
    let now = clock::now();
    Ok(Json(CampaignPage { items: rows.iter().map(|row| CampaignView::of(row, now)).collect(), next_cursor }))
}

/// Read a campaign
#[utoipa::path(
    get,
    path = "/campaigns/{id}", operation_id = "get_campaign",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 200, description = "As it stands now", body = CampaignView))
)]
pub(crate) async fn get(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<Json<CampaignView>, ApiError> {
    Ok(Json(CampaignView::of(&found(&app.store, id).await?, clock::now())))
}

/// Read a campaign's waves
#[utoipa::path(
    get,
    path = "/campaigns/{id}/waves", operation_id = "list_waves",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 200, description = "By number", body = WavePage))
)]
pub(crate) async fn waves(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<Json<WavePage>, ApiError> {
    let standing = found(&app.store, id).await?;
    let now = clock::now();
    let items = standing.waves.iter().map(|wave| WaveView::of(&standing, wave, now)).collect();
    Ok(Json(WavePage { items, next_cursor: None }))
}

/// Read what happened to a campaign
///
/// What `GET /events` goes on with, after the id of the last.
#[utoipa::path(
    get,
    path = "/campaigns/{id}/events", operation_id = "list_campaign_events",
    tag = "campaigns",
    params(PageQuery, ("id" = i64, Path)),
    responses((status = 200, description = "Oldest first", body = EventPage))
)]
pub(crate) async fn events(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<EventPage>, ApiError> {
    found(&app.store, id).await?;
    let window = page.window::<i64>()?;
    let rows = stored_events::after(&app.store, window.after.unwrap_or(0), Some(id), window.rows()).await?;
    let (items, next_cursor) = window.cut(rows, |event| event.id);
    Ok(Json(EventPage { items, next_cursor }))
}
