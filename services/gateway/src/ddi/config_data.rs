//! `PUT …/configData`: a device says what it is. Its pairs become attributes of the vehicle, by the way that inventories
//! go; of ECUs it says nothing, so those known stay.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use otaru_domain::inventory::{AttributesMode, Inventory, InventoryReport};
use otaru_domain::{clock, topic};
use otaru_http::Problem;
use serde::Deserialize;

use super::device::Device;
use super::{parse, taken};
use crate::api::whole;
use crate::app::App;
use crate::offers::message;
use crate::{problems, signatures};

#[derive(Debug, Deserialize)]
struct ConfigData {
    mode: Option<AttributesMode>,
    /// A value is null where only its name counts, as when it is removed.
    data: BTreeMap<String, Option<String>>,
}

pub(super) async fn put(
    State(app): State<App>,
    Device { claims, .. }: Device,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    if signatures::must_sign_inventories(&app, &claims.model).await {
        return Err(signatures::not_over_this_api());
    }
    let said: ConfigData = parse(&whole(body)?)?;
    let attributes = said.data.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect();
    let report = InventoryReport::of(Vec::new(), attributes, None);
    report.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    let inventory = Inventory {
        tells_ecus: false,
        attributes_mode: said.mode.unwrap_or_default(),
        ..report.into_inventory(claims.vin.clone(), Some(claims.model.clone()), clock::now())
    };
    let message = message(&claims.vin, &inventory)?;
    app.producer.send(topic::INVENTORIES, message).await.map_err(|error| problems::not_written(&app, &error))?;
    app.broker.answered();
    app.ddi.described.insert(claims.vin.clone(), ());
    metrics::counter!("otaru_gateway_inventories_total").increment(1);
    Ok(taken())
}
