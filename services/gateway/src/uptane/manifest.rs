//! `PUT /uptane/director/manifest`: a vehicle says what its ECUs run and how an installation went, signed by each ECU. What
//! passes the checks of [`otaru_domain::uptane::manifest`] becomes an inventory and acknowledgements; what does not is
//! dropped as a whole, answered so, and seen by people.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::token::Claims;
use otaru_domain::uptane::manifest::{self, Inventoried, Manifest, Refusal};
use otaru_http::Problem;
use otaru_store::StoreError;
use otaru_store::uptane::{self as rows, Told};
use utoipa::ToSchema;

use super::device::Device;
use super::registration::not_registered;
use super::reports::{self, dead_letter};
use crate::api::{BodyProblems, VehicleProblems, empty, whole};
use crate::app::App;
use crate::problems;

/// A vehicle version manifest (Uptane Standard 2.1.0, 5.4.2.1.1) as aktualizr writes it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `otaru_domain::uptane::manifest` reads")]
pub(crate) struct VehicleManifest {
    signatures: Vec<ManifestSignature>,
    /// `primary_ecu_serial`, `ecu_version_manifests` by serial, each signed by its ECU, and `installation_report` after an
    /// installation.
    #[schema(value_type = Object)]
    signed: (),
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `otaru_domain::uptane::manifest` reads")]
pub(crate) struct ManifestSignature {
    keyid: String,
    /// `ed25519`, `rsassa-pss-sha256`, or `rsassa-pss` for the same.
    method: String,
    /// In base64.
    sig: String,
}

/// Says what the vehicle's ECUs run, signed by each of them.
///
/// Dropped, and seen by people among the dead letters, when a registered ECU is missing, a signature does not hold, a time
/// went back or a counter did not rise.
#[utoipa::path(
    put, path = "/uptane/director/manifest", tag = "uptane", operation_id = "putManifest", request_body = VehicleManifest,
    responses(
        (status = 200, description = "Written for good"),
        (status = 409, description = "It was sent before, or the vehicle's ECUs are not registered", body = otaru_http::ProblemBody, content_type = "application/problem+json"),
        BodyProblems, VehicleProblems,
    ),
    security(("vehicle_token" = [])),
)]
pub(super) async fn put_manifest(
    State(app): State<App>,
    Device(claims): Device,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = whole(body)?;
    let not_read = |error: StoreError| problems::not_read(&app, &error);
    let now = clock::now();
    let ecus = rows::ecus(&app.store, claims.vehicle).await.map_err(not_read)?;
    let inventory: Vec<Inventoried> = ecus.into_iter().map(|ecu| ecu.inventoried).collect();
    let targets = app.mirror.get(&claims.model).and_then(|repository| repository.view());
    let targets = targets.map(|view| view.targets.clone()).unwrap_or_default();
    let checked =
        manifest::check(&body, &inventory, now).and_then(|manifest| manifest.check_images(&targets).map(|()| manifest));
    let result = match checked {
        Ok(manifest) => take(&app, &claims, &manifest, &targets, now).await?,
        Err(refusal) => Err(refusal),
    };
    let code = result.as_ref().err().map_or("taken", Refusal::code);
    metrics::counter!("otaru_gateway_uptane_manifests_total", "result" => code).increment(1);
    match result {
        Ok(()) => Ok(empty(StatusCode::OK)),
        Err(refusal) => Err(refuse(&app, &claims, &refusal, &body).await?),
    }
}

/// Writes down what a verified manifest says; that it was sent before may only be seen at the end.
async fn take(
    app: &App,
    claims: &Claims,
    manifest: &Manifest,
    targets: &BTreeMap<String, otaru_domain::tuf::Target>,
    now: DateTime<Utc>,
) -> Result<Result<(), Refusal>, Problem> {
    let not_read = |error: StoreError| problems::not_read(app, &error);
    let told = rows::told(&app.store, claims.vehicle).await.map_err(not_read)?;
    let versions = reports::versions(app, manifest, targets).await?;
    let ended = reports::acknowledge(app, claims, manifest, told.as_ref(), &versions, now).await?;
    let inventory = reports::inventory(app, claims, manifest, told.as_ref(), &versions, now).await?;
    // Last: what could not be written is sent again, with the same counter or the next, and then counts once.
    let mut tx = app.store.begin().await.map_err(not_read)?;
    let kept = rows::keep_reports(&mut tx, claims.vehicle, &manifest.ecus, inventory, now).await.map_err(not_read)?;
    if !kept {
        let primary = manifest.ecus.iter().find(|ecu| ecu.is_primary);
        let replayed = primary.and_then(|ecu| Some((ecu.serial.clone(), ecu.counter?)));
        let (serial, counter) = replayed.ok_or_else(Problem::internal)?;
        return Ok(Err(Refusal::Replayed { serial, counter }));
    }
    if let Some(directed) = told.as_ref().and_then(|told: &Told| told.directed.as_ref()).filter(|_| ended) {
        rows::end(&mut tx, claims.vehicle, directed).await.map_err(not_read)?;
    }
    tx.commit().await.map_err(|error| not_read(error.into()))?;
    for ecu in manifest.ecus.iter().filter(|ecu| !ecu.attacks_detected.is_empty()) {
        metrics::counter!("otaru_gateway_uptane_attacks_total").increment(1);
        tracing::warn!(vin = %claims.vin, ecu = %ecu.serial, attacks = ecu.attacks_detected, "an ECU reports an attack");
    }
    Ok(Ok(()))
}

async fn refuse(app: &App, claims: &Claims, refusal: &Refusal, body: &[u8]) -> Result<Problem, Problem> {
    let code = refusal.code().replace('_', "-");
    let detail = refusal.to_string();
    let status = match refusal {
        Refusal::NotRegistered => return Ok(not_registered()),
        Refusal::Unparsable(_) => StatusCode::BAD_REQUEST,
        Refusal::Replayed { .. } | Refusal::TimeWentBack(..) => StatusCode::CONFLICT,
        Refusal::Signature(_) | Refusal::EcuSignature(_) => StatusCode::FORBIDDEN,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    tracing::warn!(vin = %claims.vin, reason = refusal.code(), detail, "a vehicle's manifest was dropped");
    dead_letter(app, claims, refusal.code(), &detail, body).await?;
    Ok(Problem::new(status, &code, detail))
}
