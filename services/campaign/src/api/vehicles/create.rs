//! `POST /vehicles`

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use otaru_domain::clock;
use otaru_domain::id::{HardwareId, ModelId, Vin};
use otaru_http::{Json, Problem};
use otaru_store::vehicles::{self, Details, ImportEcu};
use otaru_store::{StoreError, audit, models, twin};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Vehicle, fields, with_ecus};
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;

/// What an ECU runs, by the caller's word.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEcu {
    pub hardware_id: HardwareId,
    #[schema(example = "2.2.1", min_length = 1, max_length = 64)]
    pub version: String,
    pub serial: Option<String>,
}

/// A vehicle to be created.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewVehicle)]
pub struct Body {
    pub vin: Vin,
    pub model: ModelId,
    #[schema(example = 2025)]
    pub model_year: Option<i32>,
    /// The market, as you write it.
    #[schema(example = "EU")]
    pub region: Option<String>,
    #[serde(default)]
    #[schema(example = json!(["beta"]))]
    pub tags: Vec<String>,
    #[serde(default)]
    #[schema(example = json!({"trim": "sport"}))]
    pub attributes: BTreeMap<String, String>,
    /// The RX software identification number (UN R156).
    pub rxswin: Option<String>,
    #[serde(default)]
    pub ecus: Vec<NewEcu>,
}

impl From<NewEcu> for ImportEcu {
    fn from(ecu: NewEcu) -> Self {
        Self { hardware_id: ecu.hardware_id, version: ecu.version, serial: ecu.serial }
    }
}

/// Create a vehicle.
#[utoipa::path(post, path = "/vehicles", tag = "vehicles", operation_id = "create_vehicle", request_body = Body,
    responses((status = 201, body = Vehicle)))]
pub(super) async fn create(
    State(app): State<App>,
    actor: Actor,
    Json(body): Json<Body>,
) -> Result<(StatusCode, Json<Vehicle>), ApiError> {
    actor.require_models([&body.model])?;
    let model = models::get(&app.store, &body.model).await?;
    let model = model.ok_or_else(|| Problem::invalid("/model", format!("there is no model {}", body.model)))?;
    let ecus: Vec<ImportEcu> = body.ecus.into_iter().map(ImportEcu::from).collect();
    let details = Details {
        model_year: body.model_year,
        region: body.region,
        tags: body.tags,
        attributes: body.attributes,
        rxswin: body.rxswin,
        opted_out: false,
    };
    fields::details(&details)?;
    fields::against_model(&model, &body.vin, &ecus)?;
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let Some(vehicle) = vehicles::create(&mut tx, &body.vin, &model.id, &details, now).await? else {
        let detail = format!("there is a vehicle {} already", body.vin);
        return Err(Problem::conflict("vehicle-exists", detail).pointer("/vin").into());
    };
    let said = ecus.into_iter().map(|ecu| twin::SaidEcu {
        vehicle,
        hardware_id: ecu.hardware_id,
        version: ecu.version,
        serial: ecu.serial,
    });
    twin::set_ecus(&mut tx, &said.collect::<Vec<_>>(), now).await?;
    let said = json!({"model": model.id, "rxswin": details.rxswin});
    audit::record(&mut tx, &actor.name, "vehicle_created", &audit::vehicle(vehicle), &said, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok((StatusCode::CREATED, with_ecus(&app, &body.vin).await?))
}
