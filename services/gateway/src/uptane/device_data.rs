//! What aktualizr tells of its device beside manifests. Of the hardware the first level becomes attributes of the vehicle,
//! for targeting; addresses, its settings and the packages of its own system are taken and not kept, because it would send
//! them again with every cycle otherwise.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use otaru_domain::clock;
use otaru_domain::inventory::{Inventory, InventoryReport, MAX_ATTRIBUTE_BYTES};
use otaru_http::{Json, Problem};
use serde_json::{Map, Value};

use super::device::Device;
use super::reports::say;
use crate::api::{BodyProblems, VehicleProblems, empty, whole};
use crate::app::App;
use crate::signatures;

/// The most pairs that are kept.
const MAX_PAIRS: usize = 64;

/// Says what hardware the vehicle's Primary is.
///
/// Its texts and numbers of the first level become attributes `system.<name>`.
#[utoipa::path(
    put, path = "/uptane/system_info", tag = "uptane", operation_id = "putSystemInfo",
    request_body(content = Object, description = "As lshw writes it"),
    responses((status = 200, description = "Written for good"), BodyProblems, VehicleProblems),
    security(("vehicle_token" = [])),
)]
pub(super) async fn put_system_info(
    State(app): State<App>,
    Device(claims): Device,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let Json(said) = Json::<Map<String, Value>>::parse(&whole(body)?)?;
    let attributes = attributes(&said);
    if !attributes.is_empty() {
        if signatures::must_sign_inventories(&app, &claims.model).await {
            return Err(signatures::not_over_this_api());
        }
        let report = InventoryReport::of(Vec::new(), attributes, None);
        report.check().map_err(|error| Problem::bad_request(error.to_string()))?;
        let model = Some(claims.model.clone());
        let inventory = report.into_inventory(claims.vin.clone(), model, clock::now());
        say(&app, &claims, &Inventory { tells_ecus: false, ..inventory }).await?;
    }
    Ok(empty(StatusCode::OK))
}

fn attributes(said: &Map<String, Value>) -> BTreeMap<String, String> {
    let plain = |text: &str| text.len() < MAX_ATTRIBUTE_BYTES - 8 && !text.chars().any(char::is_control);
    let pair = |(name, value): (&String, &Value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (plain(name) && plain(&text)).then(|| (format!("system.{name}"), text))
    };
    said.iter().filter_map(pair).take(MAX_PAIRS).collect()
}

/// Says how the vehicle is on the network. Taken and not kept.
#[utoipa::path(
    put, path = "/uptane/system_info/network", tag = "uptane", operation_id = "putNetwork",
    request_body(content = Object, description = "hostname, local_ipv4, mac"),
    responses((status = 200, description = "Taken"), BodyProblems, VehicleProblems),
    security(("vehicle_token" = [])),
)]
pub(super) async fn put_network(_: Device, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    let Json(_) = Json::<Map<String, Value>>::parse(&whole(body)?)?;
    Ok(empty(StatusCode::OK))
}

/// Says how aktualizr is set up. Taken and not kept.
#[utoipa::path(
    post, path = "/uptane/system_info/config", tag = "uptane", operation_id = "postConfiguration",
    request_body(content = String, content_type = "application/toml", description = "Its settings"),
    responses((status = 200, description = "Taken"), BodyProblems, VehicleProblems),
    security(("vehicle_token" = [])),
)]
pub(super) async fn post_configuration(_: Device, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    whole(body)?;
    Ok(empty(StatusCode::OK))
}

/// Says which packages the Primary's system has. Taken and not kept: what ECUs run is in the manifest.
#[utoipa::path(
    put, path = "/uptane/core/installed", tag = "uptane", operation_id = "putInstalled",
    request_body(content = Vec<Object>, description = "name, version"),
    responses((status = 200, description = "Taken"), BodyProblems, VehicleProblems),
    security(("vehicle_token" = [])),
)]
pub(super) async fn put_installed(_: Device, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    let Json(_) = Json::<Vec<Value>>::parse(&whole(body)?)?;
    Ok(empty(StatusCode::OK))
}
