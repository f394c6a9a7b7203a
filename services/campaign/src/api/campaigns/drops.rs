//! `GET /campaigns/{id}/drops`: at which step vehicles left, and why: what a funnel is drawn from beside the counters.

use axum::extract::State;
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::CampaignId;
use otaru_http::Json;
use otaru_store::failures;
use serde::Serialize;
use utoipa::ToSchema;

use super::found;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;

/// So many vehicles' reports are read at most: enough to tell where they leave.
const MAX_VEHICLES: i64 = 20_000;
const MAX_DROPS: i64 = 500;

/// Where vehicles left.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DropList {
    /// The largest number first; at most 500.
    items: Vec<FunnelDrop>,
    /// Whether more vehicles left than were looked at, so that the numbers are of a part of them.
    sampled: bool,
}

/// Vehicles that left in the same manner.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FunnelDrop {
    /// failed, rolled_back, declined or timed_out.
    #[schema(value_type = AssignmentState)]
    state: String,
    /// The last step that was reported before; null when none was.
    #[schema(required = true, value_type = Option<AssignmentState>)]
    after: Option<String>,
    /// The vehicles' code; null when they gave none.
    #[schema(required = true)]
    error_code: Option<String>,
    vehicles: u64,
}

/// Read at which step vehicles left
#[utoipa::path(
    get,
    path = "/campaigns/{id}/drops", operation_id = "list_drops",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 200, description = "As it stands now, by at most 20,000 of the vehicles that left", body = DropList))
)]
pub(crate) async fn drops(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<Json<DropList>, ApiError> {
    found(&app.store, id).await?;
    let drops = failures::drops(&app.store, id, MAX_VEHICLES, MAX_DROPS).await?;
    let sampled = drops.iter().map(|one| one.vehicles).sum::<i64>() >= MAX_VEHICLES;
    let items = drops.into_iter().map(|one| FunnelDrop {
        state: one.state,
        after: one.after,
        error_code: one.error_code,
        vehicles: one.vehicles.unsigned_abs(),
    });
    Ok(Json(DropList { items: items.collect(), sampled }))
}
