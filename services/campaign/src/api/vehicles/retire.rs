//! `POST /vehicles/{vin}/retire`

use axum::extract::State;
use otaru_domain::clock;
use otaru_domain::id::Vin;
use otaru_http::Json;
use otaru_store::{StoreError, audit, vehicles};
use serde_json::json;

use super::{Vehicle, not_found, with_ecus};
use crate::app::App;
use crate::auth::Actor;
use crate::credentials;
use crate::error::ApiError;
use crate::extract::PathPart;

/// Retire a vehicle
///
/// It leaves the fleet: nothing is offered to it any more, and all of its credentials are revoked. Repeated,
/// this changes nothing.
#[utoipa::path(post, path = "/vehicles/{vin}/retire", tag = "vehicles", operation_id = "retire_vehicle",
    params(("vin" = Vin, Path)), responses((status = 200, body = Vehicle)))]
pub(super) async fn retire(
    State(app): State<App>,
    actor: Actor,
    PathPart(vin): PathPart<Vin>,
) -> Result<Json<Vehicle>, ApiError> {
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let vehicle = vehicles::lock(&mut tx, &vin).await?.ok_or_else(|| not_found(&vin))?;
    if vehicle.retired_at.is_none() {
        vehicles::retire(&mut tx, vehicle.id, now).await?;
        let revoked = credentials::revoke(&mut tx, vehicle.id, &vin, None, now).await?;
        let details = json!({"credentials_revoked": revoked});
        audit::record(&mut tx, &actor.name, "vehicle_retired", &audit::vehicle(vehicle.id), &details, now).await?;
        tracing::info!(%vin, revoked, actor = actor.name, "retired a vehicle");
    }
    tx.commit().await.map_err(StoreError::from)?;
    with_ecus(&app, &vin).await
}
