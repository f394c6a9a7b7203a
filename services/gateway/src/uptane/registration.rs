//! `POST /uptane/director/ecus`: a vehicle says which ECUs it has and with which keys they sign. Its own credential is
//! enough for that once; from then on the keys are what its manifests are held against, so only a person changes them.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use otaru_domain::clock;
use otaru_domain::id::HardwareId;
use otaru_domain::inventory::MAX_ENTRIES;
use otaru_domain::uptane::{ClientKey, EcuKey, EcuSerial};
use otaru_http::{Json, Problem};
use otaru_store::uptane::{self as rows, NewEcu, Registered};
use otaru_store::{StoreError, audit};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::device::Device;
use super::reports::dead_letter;
use crate::api::{BodyProblems, VehicleProblems, empty, whole};
use crate::app::App;
use crate::problems;

/// The vehicle's ECUs.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Registration {
    /// The one that speaks for the vehicle; among `ecus`, too.
    #[schema(value_type = String, example = "CA:FE:A6:D2:84:9D")]
    primary_ecu_serial: EcuSerial,
    /// 1 to 256, each serial once.
    ecus: Vec<RegisteredEcu>,
}

/// An ECU and its public key.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RegisteredEcu {
    #[schema(value_type = String, example = "CA:FE:A6:D2:84:9D")]
    ecu_serial: EcuSerial,
    hardware_identifier: HardwareId,
    #[serde(rename = "clientKey")]
    client_key: ClientKey,
}

pub(super) fn not_registered() -> Problem {
    Problem::conflict("ecus-not-registered", "register the vehicle's ECUs first: POST /uptane/director/ecus")
}

/// Registers the vehicle's ECUs with their public keys.
///
/// The same again changes nothing. What differs from what is registered is refused with 409, seen by people among the
/// dead letters, and changed by them (`/api/v1/vehicles/{vin}/uptane/ecus`).
#[utoipa::path(
    post, path = "/uptane/director/ecus", tag = "uptane", operation_id = "postEcus", request_body = Registration,
    responses(
        (status = 200, description = "These ECUs are registered"),
        (status = 409, description = "Others are registered", body = otaru_http::ProblemBody, content_type = "application/problem+json"),
        BodyProblems, VehicleProblems,
    ),
    security(("vehicle_token" = [])),
)]
pub(super) async fn post_ecus(
    State(app): State<App>,
    Device(claims): Device,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = whole(body)?;
    let Json(registration) = Json::<Registration>::parse(&body)?;
    let ecus = checked(registration)?;
    let not_read = |error: StoreError| problems::not_read(&app, &error);
    let now = clock::now();
    let mut tx = app.store.begin().await.map_err(not_read)?;
    let registered = rows::register(&mut tx, claims.vehicle, &ecus, now).await.map_err(not_read)?;
    if registered == Registered::Now {
        let said = ecus
            .iter()
            .map(|ecu| json!({"serial": ecu.serial, "hardware_id": ecu.hardware_id, "key_id": ecu.key.id()}));
        let details = json!({ "ecus": said.collect::<Vec<_>>() });
        let object = audit::vehicle(claims.vehicle);
        audit::record(&mut tx, "vehicle", "ecus_registered", &object, &details, now).await.map_err(not_read)?;
    }
    tx.commit().await.map_err(|error| not_read(error.into()))?;
    let result = match registered {
        Registered::Now => "registered",
        Registered::Before => "unchanged",
        Registered::Refused => "refused",
    };
    metrics::counter!("otaru_gateway_uptane_registrations_total", "result" => result).increment(1);
    if registered == Registered::Refused {
        let detail = "other ECUs or keys are registered for this vehicle: an engineer changes them";
        dead_letter(&app, &claims, "ecus_changed", detail, &body).await?;
        return Err(Problem::conflict("ecu-already-registered", detail));
    }
    tracing::debug!(vin = %claims.vin, ecus = ecus.len(), result, "a vehicle registered its ECUs");
    Ok(empty(StatusCode::OK))
}

fn checked(registration: Registration) -> Result<Vec<NewEcu>, Problem> {
    if registration.ecus.is_empty() || registration.ecus.len() > MAX_ENTRIES {
        return Err(Problem::invalid("/ecus", format!("name 1 to {MAX_ENTRIES} ECUs")));
    }
    let mut seen = BTreeSet::new();
    let mut ecus = Vec::new();
    for (index, ecu) in registration.ecus.into_iter().enumerate() {
        if !seen.insert(ecu.ecu_serial.clone()) {
            return Err(Problem::invalid(format!("/ecus/{index}/ecu_serial"), "an earlier entry has it, too"));
        }
        let key = EcuKey::try_from(&ecu.client_key)
            .map_err(|error| Problem::invalid(format!("/ecus/{index}/clientKey"), error.to_string()))?;
        let is_primary = ecu.ecu_serial == registration.primary_ecu_serial;
        ecus.push(NewEcu { serial: ecu.ecu_serial, hardware_id: ecu.hardware_identifier, is_primary, key });
    }
    if !ecus.iter().any(|ecu| ecu.is_primary) {
        return Err(Problem::invalid("/primary_ecu_serial", "is none of the ecus"));
    }
    Ok(ecus)
}
