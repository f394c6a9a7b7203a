//! The RXSWIN register (UN R156 7.1.2.3): which vehicles have which number, and what software stands for it.

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::id::{ReleaseId, VehicleId};
use otaru_http::{Json, Problem};
use otaru_store::{releases, rxswin};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::releases::Release;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(vehicles))
}

/// A number of the register.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rxswin {
    #[schema(example = "R11 2025-04")]
    rxswin: String,
    /// How many vehicles have it now.
    vehicles: i64,
    /// The releases that stand for it.
    releases: Vec<ReleaseId>,
}

/// Numbers in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RxswinPage {
    items: Vec<Rxswin>,
    next_cursor: Option<String>,
}

/// A number and the software it stands for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RxswinSoftware {
    rxswin: String,
    /// The releases with their images and hashes: the software relevant to the number, and what its integrity is
    /// checked with.
    releases: Vec<Release>,
}

/// A vehicle that has a number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RxswinVehicle {
    vin: String,
    model: String,
    /// Since when.
    since: Option<DateTime<Utc>>,
}

/// Vehicles in the order of their creation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RxswinVehiclePage {
    items: Vec<RxswinVehicle>,
    next_cursor: Option<String>,
}

/// List RXSWINs
///
/// Those that a vehicle has or a release stands for.
#[utoipa::path(get, path = "/rxswins", tag = "evidence", operation_id = "list_rxswins", params(PageQuery),
    responses((status = 200, body = RxswinPage)))]
async fn list(State(app): State<App>, _: Actor, Query(page): Query<PageQuery>) -> Result<Json<RxswinPage>, ApiError> {
    let window = page.window::<String>()?;
    let rows = rxswin::list(&app.store, window.after.as_deref(), window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |row| row.rxswin.clone());
    let items = rows.into_iter();
    let items = items.map(|row| Rxswin { rxswin: row.rxswin, vehicles: row.vehicles, releases: row.releases });
    Ok(Json(RxswinPage { items: items.collect(), next_cursor }))
}

/// The software that an RXSWIN stands for
#[utoipa::path(get, path = "/rxswins/{rxswin}", tag = "evidence", operation_id = "get_rxswin",
    params(("rxswin" = String, Path)), responses((status = 200, body = RxswinSoftware)))]
async fn get(
    State(app): State<App>,
    _: Actor,
    PathPart(rxswin): PathPart<String>,
) -> Result<Json<RxswinSoftware>, ApiError> {
    let releases = releases::with_rxswin(&app.store, &rxswin).await?;
    if releases.is_empty() && rxswin::holders(&app.store, &rxswin, 0, 1).await?.is_empty() {
        return Err(
            Problem::not_found(format!("no vehicle has the RXSWIN {rxswin:?}, and no release stands for it")).into()
        );
    }
    Ok(Json(RxswinSoftware { rxswin, releases: releases.into_iter().map(Release::from).collect() }))
}

/// List the vehicles that have an RXSWIN
#[utoipa::path(get, path = "/rxswins/{rxswin}/vehicles", tag = "evidence", operation_id = "list_rxswin_vehicles",
    params(PageQuery, ("rxswin" = String, Path)), responses((status = 200, body = RxswinVehiclePage)))]
async fn vehicles(
    State(app): State<App>,
    _: Actor,
    PathPart(rxswin): PathPart<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<RxswinVehiclePage>, ApiError> {
    let window = page.window::<VehicleId>()?;
    let rows = rxswin::holders(&app.store, &rxswin, window.after.unwrap_or(0), window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |row| row.vehicle_id);
    let items = rows.into_iter();
    let items = items.map(|row| RxswinVehicle { vin: row.vin, model: row.model_id, since: row.since });
    Ok(Json(RxswinVehiclePage { items: items.collect(), next_cursor }))
}
