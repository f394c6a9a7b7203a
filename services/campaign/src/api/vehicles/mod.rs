//! Vehicles: what people say of them, what they run, and their credentials.

mod change;
mod create;
mod credentials;
mod ecus;
mod erase;
mod fields;
mod import;
mod retire;
mod tokens;

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::{HardwareId, ModelId, VehicleId, Vin};
use otaru_http::{Json, Problem};
use otaru_store::vehicles::{self, Filter};
use otaru_store::{Tx, twin};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

pub(crate) use change::said;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create::create))
        .routes(routes!(get, change::change))
        .routes(routes!(retire::retire))
        .routes(routes!(erase::erase))
        .merge(ecus::routes())
        .merge(credentials::routes())
        .merge(tokens::routes())
}

pub(crate) fn streamed_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(import::import))
}

/// An ECU and the software on it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Ecu {
    pub hardware_id: HardwareId,
    #[schema(example = "2.3.0")]
    pub version: String,
    pub serial: Option<String>,
    /// When the server took the report of it.
    pub reported_at: DateTime<Utc>,
}

/// A vehicle.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Vehicle {
    pub vin: Vin,
    pub model: ModelId,
    #[schema(example = 2025)]
    pub model_year: Option<i32>,
    #[schema(example = "EU")]
    pub region: Option<String>,
    pub tags: Vec<String>,
    pub attributes: BTreeMap<String, String>,
    pub rxswin: Option<String>,
    /// Whether its holder wants no updates over the air.
    pub opted_out: bool,
    /// What its ECUs run; only where one vehicle is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecus: Option<Vec<Ecu>>,
    /// When it left the fleet.
    pub retired_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    /// When a person last changed it.
    pub updated_at: DateTime<Utc>,
    /// When its newest inventory was taken.
    pub last_inventory_at: Option<DateTime<Utc>>,
    /// When its newest acknowledgement was taken.
    pub last_ack_at: Option<DateTime<Utc>>,
    /// When a gateway last heard it: a request of its own, a report over MQTT, or a stream that was open.
    pub last_heard_at: Option<DateTime<Utc>>,
    /// Whether it is online: heard within three of that gateway's poll intervals.
    pub online: bool,
    /// Until when it counts as online if nothing more is heard of it, or did.
    pub online_until: Option<DateTime<Utc>>,
}

/// Vehicles in the order of their creation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VehiclePage {
    pub items: Vec<Vehicle>,
    pub next_cursor: Option<String>,
}

/// Which vehicles to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FilterQuery {
    /// Of this model.
    pub model: Option<ModelId>,
    /// With this tag.
    pub tag: Option<String>,
    /// Of this region.
    pub region: Option<String>,
    /// Whose VIN begins with this.
    #[param(max_length = 17, pattern = "^[A-HJ-NPR-Z0-9]{0,17}$")]
    pub vin_prefix: Option<String>,
}

impl From<twin::Ecu> for Ecu {
    fn from(ecu: twin::Ecu) -> Self {
        Self { hardware_id: ecu.hardware_id, version: ecu.version, serial: ecu.serial, reported_at: ecu.reported_at }
    }
}

impl Vehicle {
    pub(crate) fn of(vehicle: vehicles::Vehicle, now: DateTime<Utc>) -> Self {
        Self {
            vin: vehicle.vin,
            model: vehicle.model,
            model_year: vehicle.details.model_year,
            region: vehicle.details.region,
            tags: vehicle.details.tags,
            attributes: vehicle.details.attributes,
            rxswin: vehicle.details.rxswin,
            opted_out: vehicle.details.opted_out,
            ecus: None,
            retired_at: vehicle.retired_at,
            created_at: vehicle.created_at,
            updated_at: vehicle.updated_at,
            last_inventory_at: vehicle.inventory_at,
            last_ack_at: vehicle.ack_at,
            last_heard_at: vehicle.heard_at,
            online: vehicle.online_until.is_some_and(|until| until > now),
            online_until: vehicle.online_until,
        }
    }
}

pub(super) fn not_found(vin: &Vin) -> ApiError {
    Problem::not_found(format!("there is no vehicle {vin}")).into()
}

/// The vehicle, or 404.
pub(super) async fn find(app: &App, vin: &Vin) -> Result<vehicles::Vehicle, ApiError> {
    vehicles::get(&app.store, vin).await?.ok_or_else(|| not_found(vin))
}

/// The vehicle, locked until the transaction ends; 404, or 409 when it has left the fleet.
async fn lock_in_service(tx: &mut Tx, vin: &Vin) -> Result<vehicles::Vehicle, ApiError> {
    let vehicle = vehicles::lock(tx, vin).await?.ok_or_else(|| not_found(vin))?;
    match vehicle.retired_at {
        Some(at) => {
            Err(Problem::conflict("vehicle-retired", format!("vehicle {vin} left the fleet on {}", at.date_naive()))
                .into())
        }
        None => Ok(vehicle),
    }
}

/// The answer for one vehicle.
async fn with_ecus(app: &App, vin: &Vin) -> Result<Json<Vehicle>, ApiError> {
    let vehicle = find(app, vin).await?;
    let ecus = twin::ecus(&app.store, vehicle.id).await?.into_iter().map(Ecu::from).collect();
    Ok(Json(Vehicle { ecus: Some(ecus), ..Vehicle::of(vehicle, clock::now()) }))
}

/// List vehicles.
#[utoipa::path(get, path = "/vehicles", tag = "vehicles", operation_id = "list_vehicles", params(PageQuery, FilterQuery), responses((status = 200, body = VehiclePage)))]
async fn list(
    State(app): State<App>,
    _: Actor,
    Query(page): Query<PageQuery>,
    Query(filter): Query<FilterQuery>,
) -> Result<Json<VehiclePage>, ApiError> {
    let window = page.window::<VehicleId>()?;
    let filter = Filter {
        model: filter.model,
        tag: filter.tag,
        region: filter.region,
        vin_prefix: vin_prefix(filter.vin_prefix)?,
    };
    let rows = vehicles::list(&app.store, &filter, window.after, window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |vehicle| vehicle.id);
    let now = clock::now();
    let items = rows.into_iter().map(|vehicle| Vehicle::of(vehicle, now)).collect();
    Ok(Json(VehiclePage { items, next_cursor }))
}

/// Only characters of VINs: nothing that means something else to `LIKE`.
fn vin_prefix(prefix: Option<String>) -> Result<Option<String>, Problem> {
    let valid = |prefix: &String| prefix.len() <= 17 && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match prefix {
        Some(prefix) if !valid(&prefix) => {
            Err(Problem::bad_request("vin_prefix must be at most 17 characters of A-Z and 0-9"))
        }
        prefix => Ok(prefix.map(|prefix| prefix.to_ascii_uppercase())),
    }
}

/// One vehicle, with what its ECUs run.
#[utoipa::path(get, path = "/vehicles/{vin}", tag = "vehicles", operation_id = "get_vehicle",
    params(("vin" = Vin, Path)), responses((status = 200, body = Vehicle)))]
async fn get(State(app): State<App>, _: Actor, PathPart(vin): PathPart<Vin>) -> Result<Json<Vehicle>, ApiError> {
    with_ecus(&app, &vin).await
}
