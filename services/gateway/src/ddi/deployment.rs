//! `GET …/deploymentBase/{action}`: what to install. A device that has not begun is told to `skip` while the campaign
//! does not run; one that installs already may finish, and is stopped only by a cancellation.

use axum::extract::{Path, State};
use axum::response::Response;
use otaru_domain::assignment::AssignmentState;
use otaru_domain::clock;
use otaru_domain::token::Claims;
use otaru_http::Problem;
use serde_json::{Value, json};

use super::action::ActionId;
use super::device::Device;
use super::standing::{Action, awaits_consent, document, find, runs};
use super::{chunks, hal, no_such_action, policy};
use crate::app::App;
use crate::mirror::Document;
use crate::offers::{self, Client, Outcome};
use crate::signatures;

pub(super) async fn get(
    State(app): State<App>,
    Device { claims, links }: Device,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let id: ActionId = id.parse().map_err(|()| no_such_action())?;
    if signatures::are_required(&app, &claims.model).await {
        return Err(no_such_action());
    }
    let action = find(&app, &claims, id).await.map_err(|problem| missing(&problem))?;
    let document = document(&app, &claims, &action);
    if action.is_over() || action.is_to_cancel() || (action.withdrawn && !action.is_under_way()) {
        return Err(no_such_action());
    }
    if let Some(document) = &document
        && (!policy::may_take(&document.document) || awaits_consent(&app, &claims, &action, document).await?)
    {
        return Err(no_such_action());
    }
    let goes = may_install(&app, &claims, &action, document.as_ref()).await?;
    let windowed = document.as_ref().filter(|known| !known.document.windows.is_empty());
    let open = windowed.is_none_or(|known| policy::window_is_open(&known.document, clock::now()));
    // The id changes with what is allowed: devices look at an action that they know no second time.
    let (id, download, update) = match (goes, open || action.step >= AssignmentState::Installing) {
        (true, true) => (action.id, "forced", "forced"),
        (true, false) => (action.id.skipped(), "forced", "skip"),
        (false, _) => (action.id.skipped(), "skip", "skip"),
    };
    let chunks = chunks::of(&app, &claims, &action, document.as_ref(), &links).await?;
    let mut body = deployment(id, download, update, &chunks);
    if windowed.is_some() {
        body["deployment"]["maintenanceWindow"] = json!(if open { "available" } else { "unavailable" });
    }
    Ok(hal(body))
}

/// The answer; `download` and `update` are `forced` or `skip`.
pub(super) fn deployment(id: ActionId, download: &str, update: &str, chunks: &[Value]) -> Value {
    json!({ "id": id.to_string(), "deployment": { "download": download, "update": update, "chunks": chunks } })
}

/// Whoever asks for an action that has passed is told that there is none; that it is gone is for reports.
pub(super) fn missing(problem: &Problem) -> Problem {
    if problem.status().is_server_error() { problem.clone() } else { no_such_action() }
}

async fn may_install(
    app: &App,
    claims: &Claims,
    action: &Action,
    document: Option<&Document>,
) -> Result<bool, Problem> {
    if action.is_under_way() {
        return Ok(action.step >= AssignmentState::Installing || document.is_some_and(|known| runs(claims, known)));
    }
    let outcome = offers::evaluate(app, claims, Client::Ddi, clock::now()).await?;
    Ok(matches!(outcome, Outcome::Offer { update, .. }
        if ActionId::new(update.campaign, update.attempt) == Some(action.id)))
}
