//! `GET /vehicles/{vin}/dossier`

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use otaru_domain::id::Vin;
use otaru_domain::{clock, pseudonym};
use otaru_http::Problem;
use otaru_store::{audit, dossier, rxswin, twin, vehicles};
use serde::Serialize;
use utoipa::ToSchema;

use super::page::{Page, time};
use super::{DossierAnchor, DossierVehicle, FormatQuery, log_of, written};
use crate::api::audit::AuditEntry;
use crate::api::vehicles::{Ecu, Vehicle};
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};

/// Campaigns in a vehicle's dossier, the newest.
const MAX_CAMPAIGNS: i64 = 1_000;

/// An RXSWIN that a vehicle had from some time on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RxswinSince {
    since: DateTime<Utc>,
    /// Null when it had none any more.
    rxswin: Option<String>,
}

/// All that is to be told of a vehicle.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VehicleDossier {
    generated_at: DateTime<Utc>,
    /// The vehicle with what it runs now.
    vehicle: Vehicle,
    /// Whether a pseudonym is in the place of its VIN.
    erased: bool,
    rxswins: Vec<RxswinSince>,
    /// What was done to it, the newest campaign first, at most 1000.
    campaigns: Vec<DossierVehicle>,
    log: Vec<AuditEntry>,
    anchor: DossierAnchor,
}

/// A vehicle's dossier
///
/// Its configuration and RXSWIN now and before, the campaigns it was in with their results, and what people did.
#[utoipa::path(get, path = "/vehicles/{vin}/dossier", tag = "evidence", operation_id = "get_vehicle_dossier",
    params(FormatQuery, ("vin" = Vin, Path)),
    responses((status = 200, description = "As it stands now",
        content((VehicleDossier = "application/json"), (String = "text/html")))))]
pub(crate) async fn get(
    State(app): State<App>,
    _: Actor,
    PathPart(vin): PathPart<Vin>,
    Query(query): Query<FormatQuery>,
) -> Result<Response, ApiError> {
    let vehicle = vehicles::get(&app.store, &vin).await?;
    let vehicle = vehicle.ok_or_else(|| Problem::not_found(format!("there is no vehicle {vin}")))?;
    let id = vehicle.id;
    let ecus = twin::ecus(&app.store, id).await?.into_iter().map(Ecu::from).collect();
    let rxswins = rxswin::history(&app.store, id).await?.into_iter();
    let campaigns = dossier::of_vehicle(&app.store, id, MAX_CAMPAIGNS).await?;
    let (log, anchor) = log_of(&app.store, &[audit::vehicle(id)]).await?;
    let now = clock::now();
    let dossier = VehicleDossier {
        generated_at: now,
        erased: pseudonym::is_one(&vin),
        vehicle: Vehicle { ecus: Some(ecus), ..Vehicle::of(vehicle, now) },
        rxswins: rxswins.map(|change| RxswinSince { since: change.valid_from, rxswin: change.rxswin }).collect(),
        campaigns: campaigns.into_iter().map(DossierVehicle::from).collect(),
        log,
        anchor,
    };
    Ok(written(query.format, dossier, print))
}

fn print(dossier: &VehicleDossier) -> String {
    let vehicle = &dossier.vehicle;
    let mut page = Page::new(&format!("Vehicle {}", vehicle.vin), dossier.generated_at);
    page.facts(&[
        ("Model", vehicle.model.to_string()),
        ("Model year", vehicle.model_year.map(|year| year.to_string()).unwrap_or_default()),
        ("Region", vehicle.region.clone().unwrap_or_default()),
        ("RXSWIN", vehicle.rxswin.clone().unwrap_or_default()),
        ("Left the fleet", vehicle.retired_at.map(time).unwrap_or_default()),
        ("VIN erased", if dossier.erased { "yes" } else { "no" }.to_owned()),
    ]);
    page.heading("Software now");
    page.table(
        &["Hardware", "Version", "Serial", "Reported"],
        vehicle.ecus.iter().flatten().map(|ecu| {
            let serial = ecu.serial.clone().unwrap_or_default();
            vec![ecu.hardware_id.to_string(), ecu.version.clone(), serial, time(ecu.reported_at)]
        }),
    );
    page.heading("RXSWINs");
    page.table(
        &["Since", "RXSWIN"],
        dossier.rxswins.iter().map(|one| vec![time(one.since), one.rxswin.clone().unwrap_or_default()]),
    );
    page.heading("Campaigns");
    page.vehicles(&dossier.campaigns);
    page.log(&dossier.log, &dossier.anchor);
    page.end()
}
