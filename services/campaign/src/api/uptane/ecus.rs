//! The ECUs of a vehicle that speaks Uptane. A vehicle registers them once by itself; what changes afterwards, as when a
//! workshop replaces one, is said here, and in the audit log.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::{HardwareId, Vin};
use otaru_domain::inventory::MAX_ENTRIES;
use otaru_domain::uptane::{ClientKey, EcuKey, EcuSerial, KeyKind};
use otaru_http::{Json, Problem};
use otaru_store::uptane::{self as rows, NewEcu};
use otaru_store::{StoreError, audit, vehicles};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::vehicles::{find, not_found};
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, remove))
}

/// An ECU with the key that its reports are held against, and what it said last.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UptaneEcu {
    #[schema(value_type = String)]
    pub serial: EcuSerial,
    pub hardware_id: HardwareId,
    /// Whether it is the one that speaks for the vehicle.
    pub primary: bool,
    pub key_kind: KeyKind,
    /// As aktualizr computes it.
    pub key_id: String,
    /// 64 hexadecimal digits, or PEM.
    pub public_key: String,
    pub registered_at: DateTime<Utc>,
    /// `vehicle`, or the actor who put it.
    pub registered_by: String,
    /// Of its newest report; a report that does not go beyond it is dropped.
    #[schema(required = true)]
    pub report_counter: Option<u64>,
    /// The time that its newest report says it could verify.
    #[schema(required = true)]
    pub verified_time: Option<DateTime<Utc>>,
    /// The image that its newest report names.
    #[schema(required = true)]
    pub image_name: Option<String>,
    #[schema(required = true)]
    pub image_sha256: Option<String>,
    /// What its newest report says of attacks.
    #[schema(required = true)]
    pub attacks_detected: Option<String>,
}

/// The ECUs of a vehicle, the Primary first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UptaneEcuList {
    pub vin: Vin,
    pub items: Vec<UptaneEcu>,
}

/// An ECU and its key.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UptaneEcuChange)]
pub struct Body {
    pub hardware_id: HardwareId,
    /// Whether it is the one that speaks for the vehicle: each has one. As it was without it; a new ECU is none.
    pub primary: Option<bool>,
    pub key: ClientKey,
}

impl From<rows::Ecu> for UptaneEcu {
    fn from(ecu: rows::Ecu) -> Self {
        let known = ecu.inventoried;
        Self {
            serial: known.serial,
            hardware_id: known.hardware_id,
            primary: known.is_primary,
            key_kind: known.key.kind(),
            key_id: known.key.id(),
            public_key: known.key.public().to_owned(),
            registered_at: ecu.registered_at,
            registered_by: ecu.registered_by,
            report_counter: known.counter,
            verified_time: known.time,
            image_name: ecu.image_name,
            image_sha256: ecu.image_sha256,
            attacks_detected: ecu.attacks_detected,
        }
    }
}

/// The registered ECUs of a vehicle that speaks Uptane.
#[utoipa::path(get, path = "/vehicles/{vin}/uptane/ecus", tag = "vehicles", operation_id = "list_uptane_ecus",
    params(("vin" = Vin, Path)), responses((status = 200, body = UptaneEcuList)))]
async fn list(State(app): State<App>, _: Actor, PathPart(vin): PathPart<Vin>) -> Result<Json<UptaneEcuList>, ApiError> {
    let vehicle = find(&app, &vin).await?;
    let items = rows::ecus(&app.store, vehicle.id).await?;
    Ok(Json(UptaneEcuList { vin, items: items.into_iter().map(UptaneEcu::from).collect() }))
}

/// Put an ECU with its key
///
/// A new one, or another key for one that is there: what that one counted is forgotten. The vehicle's reports are held
/// against it from then on.
#[utoipa::path(put, path = "/vehicles/{vin}/uptane/ecus/{serial}", tag = "vehicles", operation_id = "put_uptane_ecu",
    params(("vin" = Vin, Path), ("serial" = String, Path)), request_body = Body,
    responses((status = 200, body = UptaneEcuList)))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    PathPart((vin, serial)): PathPart<(Vin, EcuSerial)>,
    Json(body): Json<Body>,
) -> Result<Json<UptaneEcuList>, ApiError> {
    let key = EcuKey::try_from(&body.key).map_err(|error| Problem::invalid("/key", error.to_string()))?;
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let vehicle = vehicles::lock(&mut tx, &vin).await?.ok_or_else(|| not_found(&vin))?;
    let (same, others): (Vec<_>, Vec<_>) =
        rows::ecus_in(&mut tx, vehicle.id).await?.into_iter().partition(|known| known.inventoried.serial == serial);
    let is_primary = body.primary.unwrap_or(same.iter().any(|known| known.inventoried.is_primary));
    let new = NewEcu { serial, hardware_id: body.hardware_id, is_primary, key };
    if others.len() >= MAX_ENTRIES {
        return Err(Problem::conflict("too-many-ecus", format!("a vehicle has at most {MAX_ENTRIES} ECUs")).into());
    }
    if let Some(primary) = others.iter().find(|known| known.inventoried.is_primary && new.is_primary) {
        let detail = format!("{} is the vehicle's Primary: remove it first", primary.inventoried.serial);
        return Err(Problem::conflict("primary-exists", detail).pointer("/primary").into());
    }
    rows::put(&mut tx, vehicle.id, &new, &actor.name, now).await?;
    let details = json!({"serial": new.serial, "hardware_id": new.hardware_id, "primary": new.is_primary, "key_id": new.key.id()});
    audit::record(&mut tx, &actor.name, "ecu_key_put", &audit::vehicle(vehicle.id), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(%vin, ecu = %new.serial, actor = actor.name, "an ECU's key was put");
    let items = rows::ecus(&app.store, vehicle.id).await?;
    Ok(Json(UptaneEcuList { vin, items: items.into_iter().map(UptaneEcu::from).collect() }))
}

/// Remove an ECU
///
/// The vehicle's manifests must not have it any more. Without any left, the vehicle registers its ECUs anew.
#[utoipa::path(delete, path = "/vehicles/{vin}/uptane/ecus/{serial}", tag = "vehicles", operation_id = "remove_uptane_ecu",
    params(("vin" = Vin, Path), ("serial" = String, Path)), responses((status = 204)))]
async fn remove(
    State(app): State<App>,
    actor: Actor,
    PathPart((vin, serial)): PathPart<(Vin, EcuSerial)>,
) -> Result<StatusCode, ApiError> {
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let vehicle = vehicles::lock(&mut tx, &vin).await?.ok_or_else(|| not_found(&vin))?;
    if !rows::remove(&mut tx, vehicle.id, &serial).await? {
        return Err(Problem::not_found(format!("vehicle {vin} has no registered ECU {serial}")).into());
    }
    let details = json!({"serial": serial});
    audit::record(&mut tx, &actor.name, "ecu_key_removed", &audit::vehicle(vehicle.id), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(%vin, ecu = %serial, actor = actor.name, "an ECU's key was removed");
    Ok(StatusCode::NO_CONTENT)
}
