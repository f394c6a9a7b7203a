//! `PUT /vehicle/v1/{vin}/inventory`: a vehicle says what it runs.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use otaru_domain::inventory::{InventoryError, InventoryReport};
use otaru_domain::{clock, topic};
use otaru_http::{Json, Problem};

use super::empty;
use super::shared::{BodyProblems, VehicleProblems, invalid, whole};
use crate::admission::Vehicle;
use crate::app::App;
use crate::offers::message;
use crate::{problems, signatures};

/// Says what the vehicle runs: all of its ECUs. Replaces what was said before.
///
/// A vehicle with a key (`ack_key` of its credentials) may sign it, and has to where its model asks for it: 403 where the
/// signature is missing or does not hold.
#[utoipa::path(
    put, path = "/vehicle/v1/{vin}/inventory", tag = "vehicle", operation_id = "putInventory",
    params(("vin" = String, Path, description = "The vehicle's own VIN", pattern = "^[A-HJ-NPR-Z0-9]{17}$")),
    request_body = InventoryReport,
    responses((status = 202, description = "Written for good"), BodyProblems, VehicleProblems),
    security(("vehicle_token" = [])),
)]
pub(super) async fn put_inventory(
    State(app): State<App>,
    Vehicle(claims): Vehicle,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    if !is_json(&headers) {
        let detail = "send the inventory as application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail));
    }
    let Json(report) = Json::<InventoryReport>::parse(&whole(body)?)?;
    report.check().map_err(|error| refused(&error))?;
    let inventory = report.into_inventory(claims.vin.clone(), Some(claims.model.clone()), clock::now());
    signatures::check_inventory(&app, &claims, &inventory).await?;
    let message = message(&claims.vin, &inventory)?;
    app.producer.send(topic::INVENTORIES, message).await.map_err(|error| problems::not_written(&app, &error))?;
    app.broker.answered();
    metrics::counter!("otaru_gateway_inventories_total").increment(1);
    Ok(empty(StatusCode::ACCEPTED))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|kind| {
        let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/json")
    })
}

fn refused(error: &InventoryError) -> Problem {
    match error {
        // A name may hold what separates the pointer from the text.
        InventoryError::Attribute(name) => {
            let pointer = format!("/attributes/{}", name.replace('~', "~0").replace('/', "~1"));
            Problem::invalid(pointer, error.to_string())
        }
        error => invalid(error),
    }
}
