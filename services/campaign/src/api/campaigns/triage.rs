//! `GET /campaigns/{id}/triage`: failures by what the vehicles wrote.

use axum::extract::State;
use otaru_domain::id::CampaignId;
use otaru_http::Json;
use otaru_store::triage::{self, Cluster};
use serde::Serialize;
use utoipa::ToSchema;

use super::found;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;

const MAX_CLUSTERS: i64 = 200;

/// Failures by what the vehicles wrote.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriagePage {
    /// The largest first; at most 200. Empty where triage does not run.
    items: Vec<TriageCluster>,
    /// Always null.
    next_cursor: Option<String>,
}

/// Failed vehicles whose logs end alike, for an ECU of the release that ran the same version before. A vehicle counts
/// once for every ECU that the release is for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriageCluster {
    /// The log's last line; `<*>` for a word that differs.
    #[schema(example = "flash: sector <*> of bank <*> does not verify")]
    template: String,
    hardware_id: String,
    /// Null when nobody had told.
    from_version: Option<String>,
    vehicles: u64,
    /// One of them.
    sample_vin: String,
}

impl From<Cluster> for TriageCluster {
    fn from(cluster: Cluster) -> Self {
        Self {
            template: cluster.template,
            hardware_id: cluster.hardware_id,
            from_version: cluster.from_version,
            vehicles: cluster.vehicles.unsigned_abs(),
            sample_vin: cluster.sample_vin,
        }
    }
}

/// Read failures by what the vehicles wrote
///
/// Mined from their logs beside the rollout: nothing that moves a campaign depends on it, and it may be some moments behind.
#[utoipa::path(
    get,
    path = "/campaigns/{id}/triage", operation_id = "triage_failures",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 200, description = "As it stands now: a vehicle that installed later is not in it", body = TriagePage))
)]
pub(crate) async fn triage(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<Json<TriagePage>, ApiError> {
    found(&app.store, id).await?;
    let clusters = triage::clusters(&app.store, id, MAX_CLUSTERS).await?;
    Ok(Json(TriagePage { items: clusters.into_iter().map(TriageCluster::from).collect(), next_cursor: None }))
}
