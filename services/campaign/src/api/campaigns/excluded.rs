//! `GET /campaigns/{id}/excluded`: who matched the target and was left out, and why.

use axum::extract::State;
use otaru_domain::exclusion::{Exclusion, Reason};
use otaru_domain::id::{CampaignId, VehicleId};
use otaru_http::Json;
use otaru_store::waves;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::found;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExcludedFilter {
    /// Only vehicles that were left out for this.
    reason: Option<Reason>,
}

/// How many vehicles were left out for the same reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExclusionCount {
    #[serde(flatten)]
    exclusion: Exclusion,
    /// The same for people.
    text: String,
    vehicles: u64,
}

/// A vehicle that was left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExcludedVehicle {
    vin: String,
    #[serde(flatten)]
    exclusion: Exclusion,
}

/// Vehicles that were left out, in the order in which they were created.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExcludedPage {
    /// All of the campaign's, whatever the filter; the reason that takes most first.
    reasons: Vec<ExclusionCount>,
    items: Vec<ExcludedVehicle>,
    next_cursor: Option<String>,
}

/// List the vehicles that a campaign left out
///
/// As they were when it started; of a continuous campaign, when each was last looked at. Empty for a draft: preview it.
#[utoipa::path(
    get,
    path = "/campaigns/{id}/excluded", operation_id = "list_excluded_vehicles",
    tag = "campaigns",
    params(("id" = i64, Path), ExcludedFilter, PageQuery),
    responses((status = 200, body = ExcludedPage))
)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
    Query(filter): Query<ExcludedFilter>,
    Query(page): Query<PageQuery>,
) -> Result<Json<ExcludedPage>, ApiError> {
    found(&app.store, id).await?;
    let window = page.window::<VehicleId>()?;
    let counts = waves::exclusion_counts(&app.store, id).await?;
    let rows = waves::excluded(&app.store, id, filter.reason, window.after, window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |row| row.vehicle);
    let count =
        |(exclusion, vehicles): (Exclusion, u64)| ExclusionCount { text: exclusion.to_string(), exclusion, vehicles };
    Ok(Json(ExcludedPage {
        reasons: counts.into_iter().map(count).collect(),
        items: rows.into_iter().map(|row| ExcludedVehicle { vin: row.vin, exclusion: row.exclusion }).collect(),
        next_cursor,
    }))
}
