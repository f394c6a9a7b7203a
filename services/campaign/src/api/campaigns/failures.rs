//! `GET /campaigns/{id}/failures`: what failed together, so that one cause is seen as one thing and not as a thousand
//! vehicles.

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::CampaignId;
use otaru_http::Json;
use otaru_store::failures::{self, Cluster, Origin};
use serde::Serialize;
use utoipa::ToSchema;

use super::found;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;

/// A code is the vehicle's own text: more of them than this are noise.
const MAX_CLUSTERS: i64 = 100;
const MAX_ORIGINS: i64 = 2_000;

/// What failed, by state and code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailurePage {
    /// The largest first; at most 100.
    items: Vec<FailureCluster>,
    /// Always null.
    next_cursor: Option<String>,
}

/// Vehicles that ended in the same state with the same code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailureCluster {
    /// failed, rolled_back or declined.
    #[schema(value_type = AssignmentState)]
    state: String,
    /// The vehicles' code; null when they gave none.
    error_code: Option<String>,
    vehicles: u64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    sample: FailureSample,
    /// What they came from, the largest number first.
    from: Vec<FailureOrigin>,
}

/// One of them; one that wrote a log, if any did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailureSample {
    vin: String,
    log: Option<String>,
}

/// Vehicles whose ECU ran this version when they were assigned. Each counts once for every ECU that the release is
/// for: a report does not say which of them failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailureOrigin {
    hardware_id: String,
    /// Null when nobody had told.
    version: Option<String>,
    vehicles: u64,
}

/// Read what failed together
#[utoipa::path(
    get,
    path = "/campaigns/{id}/failures", operation_id = "list_failures",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 200, description = "As it stands now: a vehicle that installed later is not in it", body = FailurePage))
)]
pub(crate) async fn failures(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<Json<FailurePage>, ApiError> {
    found(&app.store, id).await?;
    let clusters = failures::clusters(&app.store, id, MAX_CLUSTERS).await?;
    let origins = failures::origins(&app.store, id, MAX_ORIGINS).await?;
    let items = clusters.into_iter().map(|cluster| FailureCluster::of(cluster, &origins)).collect();
    Ok(Json(FailurePage { items, next_cursor: None }))
}

impl FailureCluster {
    fn of(cluster: Cluster, origins: &[Origin]) -> Self {
        let theirs = origins.iter().filter(|one| one.state == cluster.state && one.error_code == cluster.error_code);
        let from = theirs.map(|one| FailureOrigin {
            hardware_id: one.hardware_id.clone(),
            version: one.version.clone(),
            vehicles: one.vehicles.unsigned_abs(),
        });
        Self {
            from: from.collect(),
            state: cluster.state,
            error_code: cluster.error_code,
            vehicles: cluster.vehicles.unsigned_abs(),
            first_at: cluster.first_at,
            last_at: cluster.last_at,
            sample: FailureSample { vin: cluster.sample_vin, log: cluster.sample_log },
        }
    }
}
