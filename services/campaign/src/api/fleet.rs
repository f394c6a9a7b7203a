//! `GET /fleet`: the installation at a glance.

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_http::Json;
use otaru_store::offsets::PartitionLag;
use otaru_store::{Store, fleet};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::Query;

/// Versions in an answer; a fleet that runs more is told in parts, model by model.
const MAX_VERSIONS: i64 = 10_000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(summary)).routes(routes!(versions))
}

/// The installation at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Fleet {
    /// Vehicles in service.
    vehicles: u64,
    /// How many of them are online: each was heard by a gateway within three of that gateway's poll intervals (15 minutes
    /// unless told otherwise), by a request, a report over MQTT or a stream that was open.
    online: u64,
    /// When gateways last noted somebody; null as long as none has.
    online_as_of: Option<DateTime<Utc>>,
    models: Vec<FleetModel>,
    /// Campaigns per state; states without any are left out.
    campaigns: BTreeMap<String, u64>,
    /// Dead letters that nobody sent again.
    dead_letters: u64,
    /// Messages that wait to be sent to Kafka.
    outbox: u64,
    /// How far the ingest is behind.
    ingest: Ingest,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FleetModel {
    model: ModelId,
    name: String,
    /// Vehicles in service.
    vehicles: u64,
    /// How many of them are online.
    online: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ingest {
    /// Messages that wait, of all partitions.
    lag_messages: i64,
    /// How long the oldest of them waits.
    lag_seconds: f64,
    partitions: Vec<IngestPartition>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IngestPartition {
    consumer: String,
    topic: String,
    partition: i32,
    /// The first offset not applied yet.
    next_offset: i64,
    lag_messages: i64,
    lag_seconds: f64,
    /// When its reader last looked: some seconds ago, or nobody reads it.
    seen_at: DateTime<Utc>,
    /// When it last moved.
    applied_at: DateTime<Utc>,
}

impl From<PartitionLag> for IngestPartition {
    fn from(lag: PartitionLag) -> Self {
        Self {
            consumer: lag.consumer,
            topic: lag.topic,
            partition: lag.partition,
            next_offset: lag.next_offset,
            lag_messages: lag.messages,
            lag_seconds: lag.seconds,
            seen_at: lag.seen_at,
            applied_at: lag.applied_at,
        }
    }
}

/// Read the fleet's summary
#[utoipa::path(
    get,
    path = "/fleet", operation_id = "get_fleet",
    tag = "fleet",
    responses((status = 200, description = "As of now", body = Fleet))
)]
pub(crate) async fn summary(State(app): State<App>, _: Actor) -> Result<Json<Fleet>, ApiError> {
    Ok(Json(Fleet::read(&app.store, clock::now()).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VersionQuery {
    /// Only vehicles of this model.
    model: Option<ModelId>,
}

/// What the fleet runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FleetVersions {
    /// By hardware id; at most 10000 versions in all.
    items: Vec<HardwareVersions>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HardwareVersions {
    hardware_id: String,
    /// Vehicles in service that told what it runs.
    vehicles: u64,
    /// The newest first.
    versions: Vec<VersionVehicles>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionVehicles {
    version: String,
    vehicles: u64,
}

/// Read what the fleet runs
///
/// How many vehicles in service run which version, per hardware id, by what each last told.
#[utoipa::path(
    get,
    path = "/fleet/versions", operation_id = "get_fleet_versions",
    tag = "fleet",
    params(VersionQuery),
    responses((status = 200, description = "As of now", body = FleetVersions))
)]
pub(crate) async fn versions(
    State(app): State<App>,
    _: Actor,
    Query(query): Query<VersionQuery>,
) -> Result<Json<FleetVersions>, ApiError> {
    let mut items: Vec<HardwareVersions> = Vec::new();
    for row in fleet::versions(&app.store, query.model.as_ref(), MAX_VERSIONS).await? {
        let vehicles = row.vehicles.unsigned_abs();
        if items.last().is_none_or(|last| last.hardware_id != row.hardware_id) {
            items.push(HardwareVersions { hardware_id: row.hardware_id, vehicles: 0, versions: Vec::new() });
        }
        if let Some(hardware) = items.last_mut() {
            hardware.vehicles += vehicles;
            hardware.versions.push(VersionVehicles { version: row.version, vehicles });
        }
    }
    Ok(Json(FleetVersions { items }))
}

impl Fleet {
    pub(crate) async fn read(store: &Store, now: DateTime<Utc>) -> Result<Self, ApiError> {
        let fleet = fleet::summary(store, now).await?;
        let models: Vec<FleetModel> = fleet
            .models
            .into_iter()
            .map(|model| FleetModel {
                model: model.model,
                name: model.name,
                vehicles: model.vehicles,
                online: model.online,
            })
            .collect();
        Ok(Self {
            vehicles: models.iter().map(|model| model.vehicles).sum(),
            online: models.iter().map(|model| model.online).sum(),
            online_as_of: fleet.online_as_of,
            models,
            campaigns: fleet.campaigns.into_iter().map(|(state, number)| (state.to_string(), number)).collect(),
            dead_letters: fleet.dead_letters,
            outbox: fleet.outbox,
            ingest: Ingest {
                lag_messages: fleet.ingest.iter().map(|lag| lag.messages).sum(),
                lag_seconds: fleet.ingest.iter().map(|lag| lag.seconds).fold(0.0, f64::max),
                partitions: fleet.ingest.into_iter().map(IngestPartition::from).collect(),
            },
        })
    }
}
