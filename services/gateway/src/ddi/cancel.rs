//! `…/cancelAction/{action}`: a device is asked to stop what was withdrawn after it was offered. `closed` says that it
//! did; `rejected`, or that closing failed, that it goes on: then what it reports counts, for the truth is on the road.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use otaru_domain::ack::{AckReport, ReportedState};
use otaru_domain::clock;
use otaru_domain::token::Claims;
use otaru_http::Problem;
use otaru_store::ddi::CANCEL_REJECTED;
use serde_json::json;
use uuid::Uuid;

use super::action::ActionId;
use super::deployment::missing;
use super::device::Device;
use super::feedback::{Execution, Feedback, Finished, cancelled, send};
use super::standing::find;
use super::{gone, hal, no_such_action, parse, taken};
use crate::api::whole;
use crate::app::App;

pub(super) async fn get(
    State(app): State<App>,
    Device { claims, .. }: Device,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let id: ActionId = id.parse().map_err(|()| no_such_action())?;
    let action = find(&app, &claims, id).await.map_err(|problem| missing(&problem))?;
    if !action.is_to_cancel() {
        return Err(no_such_action());
    }
    let id = action.id.to_string();
    Ok(hal(json!({ "id": id, "cancelAction": { "stopId": id } })))
}

pub(super) async fn feedback(
    State(app): State<App>,
    Device { claims, .. }: Device,
    Path((_, _, id)): Path<(String, String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id: ActionId = id.parse().map_err(|()| no_such_action())?;
    let feedback: Feedback = parse(&whole(body)?)?;
    let action = find(&app, &claims, id).await?;
    if action.is_over() {
        return Err(gone());
    }
    if !action.is_to_cancel() {
        return Err(no_such_action());
    }
    match (feedback.status.execution, feedback.status.result.finished) {
        (Execution::Rejected, _) | (Execution::Closed, Finished::Failure) => {
            let report = rejection(&claims, action.id, feedback.status.log());
            send(&app, &claims, &report.into_ack(claims.vin.clone(), Some(claims.model.clone()), clock::now())).await?;
        }
        (Execution::Closed | Execution::Canceled, _) => send(&app, &claims, &cancelled(&claims, action.id)).await?,
        // It is on its way to stop.
        _ => {}
    }
    Ok(taken())
}

/// That the vehicle goes on: the lowest of its steps, so that it takes back none that it made.
fn rejection(claims: &Claims, id: ActionId, log: Option<String>) -> AckReport {
    let state = ReportedState::Accepted;
    let name = format!("otaru.ddi/{CANCEL_REJECTED}/{}/{}/{}", claims.vin, id.campaign, id.attempt);
    AckReport {
        id: Some(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())),
        error_code: Some(CANCEL_REJECTED.to_owned()),
        log,
        ..AckReport::of(id.campaign, id.attempt, state.derived_sequence(None), state)
    }
}
