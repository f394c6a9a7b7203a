//! hawkBit's Direct Device Integration API: what devices in the field speak already (SWUpdate, RAUC's updater, Zephyr),
//! over the same assignments and acknowledgements as the vehicles' own API, so an integrator points them here and
//! changes nothing. A controller is a vehicle, its id the VIN.
//!
//! Nothing is kept between two calls: an action's id says campaign and attempt, a link's path says the image, and what a
//! device answered is an acknowledgement. A gateway can be killed in the middle of a download, and any other goes on.
//!
//! DDI has no signed metadata. What a device installs is protected by the signature of the image itself (SWUpdate's
//! and RAUC's bundles have one); which of them, and when, it has to believe.

mod action;
mod artifact;
mod cancel;
mod chunks;
mod config_data;
mod confirmation;
mod deployment;
mod device;
mod feedback;
mod installed;
mod links;
mod policy;
mod root;
mod settings;
mod standing;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use otaru_http::{Json, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;

pub(crate) use device::Ddi;
pub use settings::DdiConfig;

/// The path of a controller's root, where a device that is not known yet may come first.
const ROOT: &str = "/{tenant}/controller/v1/{vin}";

/// The calls of the API.
pub(crate) fn routes() -> Router<App> {
    let at = |tail: &str| format!("{ROOT}{tail}");
    Router::new()
        .route(ROOT, get(root::root))
        .route(&at("/configData"), put(config_data::put))
        .route(&at("/deploymentBase/{action}"), get(deployment::get))
        .route(&at("/deploymentBase/{action}/feedback"), post(feedback::post))
        .route(&at("/cancelAction/{action}"), get(cancel::get))
        .route(&at("/cancelAction/{action}/feedback"), post(cancel::feedback))
        .route(&at("/confirmationBase"), get(confirmation::state))
        .route(&at("/confirmationBase/activateAutoConfirm"), post(confirmation::activate))
        .route(&at("/confirmationBase/deactivateAutoConfirm"), post(confirmation::deactivate))
        .route(&at("/confirmationBase/{action}"), get(confirmation::get))
        .route(&at("/confirmationBase/{action}/feedback"), post(confirmation::feedback))
        .route(&at("/installedBase/{action}"), get(installed::get))
        .route(&at("/softwaremodules/{module}/artifacts/{file}"), get(artifact::get))
}

/// An answer in the media type of the API.
fn hal(body: impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/hal+json"));
    response
}

/// That a report was taken. Never 204: some clients take that for a failure.
fn taken() -> Response {
    StatusCode::OK.into_response()
}

/// Reads a body, whatever media type it claims. SWUpdate writes JSON by hand and quotes log lines with the control
/// characters they have: those are taken for blanks, for a failure is to be heard of.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let malformed = |error: serde_json::Error| {
        let detail: String = error.to_string().chars().filter(|c| !c.is_control()).take(200).collect();
        Problem::bad_request(format!("the body is not what this call takes: {detail}"))
    };
    serde_json::from_slice(body).or_else(|_| {
        let cleaned: Vec<u8> = body.iter().map(|byte| if byte.is_ascii_control() { b' ' } else { *byte }).collect();
        serde_json::from_slice(&cleaned).map_err(malformed)
    })
}

fn gone() -> Problem {
    Problem::new(StatusCode::GONE, "gone", "the action is over; nothing more is taken of it")
}

fn no_such_action() -> Problem {
    Problem::not_found("there is no such action for this controller")
}
