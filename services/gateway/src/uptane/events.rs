//! `POST /uptane/events`: how far a client is with an update. How it ended is in its manifest, which is signed.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use otaru_domain::ack::{AckReport, MAX_AHEAD};
use otaru_domain::clock;
use otaru_domain::uptane::Event;
use otaru_http::{Json, Problem};
use otaru_store::uptane as rows;

use super::device::Device;
use super::reports::send;
use crate::api::{BodyProblems, VehicleProblems, empty, whole};
use crate::app::App;
use crate::problems;

/// The most events at a time; aktualizr sends the rest after a 413.
const MAX_EVENTS: usize = 1000;

/// Says how far the vehicle is with an update.
///
/// aktualizr's events, by `eventType.id`: `EcuDownloadStarted`, `EcuDownloadCompleted`, `EcuInstallationStarted`,
/// `EcuInstallationApplied`, `EcuInstallationCompleted`. Others say nothing of an update and are taken.
#[utoipa::path(
    post, path = "/uptane/events", tag = "uptane", operation_id = "postEvents",
    request_body(content = Vec<Object>, description = "Events, at most 1,000"),
    responses((status = 200, description = "Written for good"), BodyProblems, VehicleProblems),
    security(("vehicle_token" = [])),
)]
pub(super) async fn post_events(
    State(app): State<App>,
    Device(claims): Device,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let Json(events) = Json::<Vec<Event>>::parse(&whole(body)?)?;
    if events.len() > MAX_EVENTS {
        let detail = format!("send at most {MAX_EVENTS} events at a time");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-events", detail));
    }
    let told = rows::told(&app.store, claims.vehicle).await.map_err(|error| problems::not_read(&app, &error))?;
    let directed = told.and_then(|told| told.directed);
    let now = clock::now();
    for event in &events {
        let Some(step) = event.step(directed.as_ref().is_some_and(|directed| directed.ecus.len() == 1)) else {
            metrics::counter!("otaru_gateway_uptane_events_ignored_total").increment(1);
            continue;
        };
        let report = AckReport {
            // A clock that is wrong is no reason to lose the step.
            reported_at: event.device_time.filter(|at| *at <= now + MAX_AHEAD),
            ..AckReport::of(step.campaign, step.attempt, step.state.derived_sequence(None), step.state)
        };
        send(&app, &claims, report, now).await?;
    }
    Ok(empty(StatusCode::OK))
}
