//! What a vehicle's ECUs run: read now or as of a time, and said anew when one was replaced.

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::{HardwareId, Vin};
use otaru_http::Json;
use otaru_store::vehicles::ImportEcu;
use otaru_store::{StoreError, audit, twin};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Ecu, fields, find, lock_in_service};
use crate::api::models;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};

/// More changes than a vehicle sees in its life.
const MAX_CHANGES: i64 = 1000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(history)).routes(routes!(put))
}

/// As of when.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AtQuery {
    /// The time to look back to; now without it.
    pub at: Option<DateTime<Utc>>,
}

/// What a vehicle's ECUs run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EcuList {
    pub vin: Vin,
    /// As of this time.
    pub at: DateTime<Utc>,
    pub items: Vec<Ecu>,
}

/// What an ECU runs now.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EcuChange)]
pub struct Body {
    #[schema(example = "2.2.1", min_length = 1, max_length = 64)]
    pub version: String,
    pub serial: Option<String>,
}

/// What a vehicle's ECUs run, or ran
///
/// By what had been reported until `at`.
#[utoipa::path(get, path = "/vehicles/{vin}/ecus", tag = "vehicles", operation_id = "list_ecus",
    params(AtQuery, ("vin" = Vin, Path)), responses((status = 200, body = EcuList)))]
async fn list(
    State(app): State<App>,
    _: Actor,
    PathPart(vin): PathPart<Vin>,
    Query(query): Query<AtQuery>,
) -> Result<Json<EcuList>, ApiError> {
    let vehicle = find(&app, &vin).await?;
    let items = match query.at {
        Some(at) => twin::ecus_as_of(&app.store, vehicle.id, at).await?,
        None => twin::ecus(&app.store, vehicle.id).await?,
    };
    let at = query.at.unwrap_or_else(clock::now);
    Ok(Json(EcuList { vin, at, items: items.into_iter().map(Ecu::from).collect() }))
}

/// A change of what an ECU runs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EcuVersion {
    pub hardware_id: HardwareId,
    /// Null when the ECU was gone.
    #[schema(required = true, example = "2.3.0")]
    pub version: Option<String>,
    pub serial: Option<String>,
    /// When the server first took a report of it.
    pub at: DateTime<Utc>,
}

/// What a vehicle's ECUs came to run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EcuHistory {
    /// The newest first.
    pub items: Vec<EcuVersion>,
}

/// What a vehicle's ECUs came to run, and when
///
/// Changes only: inventories that say the same again are not told.
#[utoipa::path(get, path = "/vehicles/{vin}/ecus/history", tag = "vehicles", operation_id = "list_ecu_history",
    params(("vin" = Vin, Path)), responses((status = 200, description = "The newest 1,000 changes", body = EcuHistory)))]
async fn history(State(app): State<App>, _: Actor, PathPart(vin): PathPart<Vin>) -> Result<Json<EcuHistory>, ApiError> {
    let vehicle = find(&app, &vin).await?;
    let items = twin::changes(&app.store, vehicle.id, MAX_CHANGES).await?;
    let told = |change: twin::EcuChange| EcuVersion {
        hardware_id: change.hardware_id,
        version: change.version,
        serial: change.serial,
        at: change.at,
    };
    Ok(Json(EcuHistory { items: items.into_iter().map(told).collect() }))
}

/// Say what an ECU runs
///
/// As when it was replaced in a workshop. The vehicle's next inventory goes over it.
#[utoipa::path(put, path = "/vehicles/{vin}/ecus/{hardware_id}", tag = "vehicles", operation_id = "put_ecu", request_body = Body,
    params(("vin" = Vin, Path), ("hardware_id" = HardwareId, Path)), responses((status = 200, body = Ecu)))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    PathPart((vin, hardware_id)): PathPart<(Vin, HardwareId)>,
    Json(body): Json<Body>,
) -> Result<Json<Ecu>, ApiError> {
    let now = clock::now();
    let model = models::find(&app, &find(&app, &vin).await?.model).await?;
    let ecu = ImportEcu { hardware_id, version: body.version, serial: body.serial };
    fields::ecu("", &model, &ecu)?;
    let mut tx = app.store.begin().await?;
    let vehicle = lock_in_service(&mut tx, &vin).await?;
    twin::set_ecu(&mut tx, vehicle.id, &ecu.hardware_id, &ecu.version, ecu.serial.as_deref(), now).await?;
    let details = json!({"hardware_id": ecu.hardware_id, "version": ecu.version});
    audit::record(&mut tx, &actor.name, "ecu_stated", &audit::vehicle(vehicle.id), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(Ecu { hardware_id: ecu.hardware_id, version: ecu.version, serial: ecu.serial, reported_at: now }))
}
