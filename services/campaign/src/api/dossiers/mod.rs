//! Dossiers: what an auditor asks of an update (UN R156 7.1.2), per campaign and per vehicle, as JSON or as a page to
//! be printed.

mod campaign;
mod page;
mod vehicle;

use std::collections::BTreeMap;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, ReleaseId};
use otaru_http::Json;
use otaru_store::audit::{self, Filter};
use otaru_store::dossier::{EcuState, VehicleResult};
use otaru_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit::AuditEntry;
use crate::app::App;

/// Entries of the audit log in a dossier, per object.
const MAX_ENTRIES: i64 = 1_000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(campaign::get)).routes(routes!(vehicle::get))
}

/// What a dossier is written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    #[default]
    Json,
    Html,
}

/// How to write it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FormatQuery {
    /// `json` (without it) or `html`, a page without outside parts, to be printed.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// What an ECU ran.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DossierEcu {
    hardware_id: String,
    version: String,
    serial: Option<String>,
}

/// What became of a vehicle in a campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DossierVehicle {
    /// Its VIN, or the pseudonym in its place.
    vin: String,
    model: String,
    campaign: CampaignId,
    campaign_name: String,
    release: ReleaseId,
    wave: i32,
    attempt: i32,
    state: String,
    error_code: Option<String>,
    assigned_at: DateTime<Utc>,
    /// When its state last changed.
    updated_at: DateTime<Utc>,
    /// Whether its last known configuration had an ECU for each image; null when nothing was known of it.
    compatible: Option<bool>,
    rxswin_before: Option<String>,
    rxswin_after: Option<String>,
    /// Of a vehicle that has the release.
    rxswin_expected: Option<String>,
    /// What was known when it was assigned.
    ecus_before: Vec<DossierEcu>,
    /// What is known now, or was when it was assigned to the campaign after this.
    ecus_after: Vec<DossierEcu>,
}

impl From<EcuState> for DossierEcu {
    fn from(ecu: EcuState) -> Self {
        Self { hardware_id: ecu.hardware_id, version: ecu.version, serial: ecu.serial }
    }
}

impl From<VehicleResult> for DossierVehicle {
    fn from(row: VehicleResult) -> Self {
        Self {
            vin: row.vin,
            model: row.model_id,
            campaign: row.campaign_id,
            campaign_name: row.campaign_name,
            release: row.release_id,
            wave: row.wave,
            attempt: row.attempt,
            state: row.state,
            error_code: row.error_code,
            assigned_at: row.assigned_at,
            updated_at: row.updated_at,
            compatible: row.compatible,
            rxswin_before: row.rxswin_before,
            rxswin_after: row.rxswin_after,
            rxswin_expected: row.rxswin_expected,
            ecus_before: row.before.0.into_iter().map(DossierEcu::from).collect(),
            ecus_after: row.after.0.into_iter().map(DossierEcu::from).collect(),
        }
    }
}

/// Where the audit log ended when the dossier was written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DossierAnchor {
    id: i64,
    digest: String,
}

/// The log of these objects, in its order, and where the whole log ends.
async fn log_of(store: &Store, objects: &[String]) -> Result<(Vec<AuditEntry>, DossierAnchor), StoreError> {
    let head = audit::head(store).await?;
    let mut entries = BTreeMap::new();
    for object in objects {
        let filter = Filter { object: Some(object.clone()), ..Filter::default() };
        for entry in audit::page(store, &filter, None, MAX_ENTRIES).await? {
            entries.insert(entry.id, super::audit::view(entry)?);
        }
    }
    let anchor = DossierAnchor { id: head.id, digest: hex::encode(head.digest) };
    Ok((entries.into_values().collect(), anchor))
}

/// The dossier in the form that was asked for.
fn written<T: Serialize>(format: Format, dossier: T, page: impl FnOnce(&T) -> String) -> Response {
    match format {
        Format::Json => Json(dossier).into_response(),
        Format::Html => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            ([(header::CONTENT_TYPE, kind)], page(&dossier)).into_response()
        }
    }
}
