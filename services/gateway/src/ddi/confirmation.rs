//! `…/confirmationBase`: the user of a vehicle is asked before an update. `confirmed` is the step `accepted`, `denied`
//! ends the attempt as `declined`: a user who said no is not asked again by the next poll.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use otaru_domain::ack::{AckReport, MAX_LOG_BYTES, ReportedState, cut};
use otaru_domain::clock;
use otaru_domain::token::Claims;
use otaru_http::Problem;
use otaru_store::ddi::{self as rows, AutoConfirm};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::action::ActionId;
use super::deployment::missing;
use super::device::Device;
use super::feedback::send;
use super::root::awaiting;
use super::standing::{Action, awaits_consent, document, find};
use super::{chunks, gone, hal, no_such_action, parse, taken};
use crate::api::whole;
use crate::app::App;
use crate::mirror::Document;
use crate::problems;

/// The longest initiator and remark.
const MAX_TEXT_BYTES: usize = 512;

/// Whether updates are confirmed beforehand, and what waits for a confirmation.
pub(super) async fn state(State(app): State<App>, Device { claims, links }: Device) -> Result<Response, Problem> {
    let given = rows::auto_confirm(&app.store, claims.vehicle).await;
    let given = given.map_err(|error| problems::not_read(&app, &error))?;
    let mut auto = Map::from_iter([("active".to_owned(), Value::Bool(given.is_some()))]);
    if let Some(given) = &given {
        auto.insert("initiator".to_owned(), json!(given.initiator));
        auto.insert("remark".to_owned(), json!(given.remark));
        auto.insert("activatedAt".to_owned(), json!(given.activated_at.timestamp_millis()));
    }
    let change = if given.is_some() { "deactivateAutoConfirm" } else { "activateAutoConfirm" };
    auto.insert("_links".to_owned(), json!({ change: links.to(&format!("confirmationBase/{change}")) }));
    let mut to = Map::new();
    if let Some(id) = awaiting(&app, &claims).await? {
        to.insert("confirmationBase".to_owned(), links.action("confirmationBase", id));
    }
    Ok(hal(json!({ "autoConfirm": auto, "_links": to })))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Activation {
    initiator: Option<String>,
    remark: Option<String>,
}

pub(super) async fn activate(
    State(app): State<App>,
    Device { claims, .. }: Device,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = whole(body)?;
    let said: Activation = if body.trim_ascii().is_empty() { Activation::default() } else { parse(&body)? };
    let text = |text: Option<String>| text.map(|text| cut(text.replace('\0', " "), MAX_TEXT_BYTES));
    let consent =
        AutoConfirm { initiator: text(said.initiator), remark: text(said.remark), activated_at: clock::now() };
    set(&app, &claims, Some(&consent)).await
}

pub(super) async fn deactivate(State(app): State<App>, Device { claims, .. }: Device) -> Result<Response, Problem> {
    set(&app, &claims, None).await
}

async fn set(app: &App, claims: &Claims, consent: Option<&AutoConfirm>) -> Result<Response, Problem> {
    let set = rows::set_auto_confirm(&app.store, claims.vehicle, consent).await;
    set.map_err(|error| problems::not_read(app, &error))?;
    tracing::info!(vin = %claims.vin, active = consent.is_some(), "a vehicle changed its consent to all updates");
    Ok(taken())
}

/// What is to be confirmed.
pub(super) async fn get(
    State(app): State<App>,
    Device { claims, links }: Device,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let (action, document) = waiting(&app, &claims, &id).await.map_err(|problem| missing(&problem))?;
    let chunks = chunks::of(&app, &claims, &action, Some(&document), &links).await?;
    let confirmation = json!({ "download": "forced", "update": "forced", "chunks": chunks });
    Ok(hal(json!({ "id": action.id.to_string(), "confirmation": confirmation })))
}

#[derive(Debug, Deserialize)]
struct Answer {
    confirmation: Confirmation,
    code: Option<i64>,
    details: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Confirmation {
    Confirmed,
    Denied,
}

pub(super) async fn feedback(
    State(app): State<App>,
    Device { claims, .. }: Device,
    Path((_, _, id)): Path<(String, String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let answer: Answer = parse(&whole(body)?)?;
    let (action, _) = waiting(&app, &claims, &id).await?;
    let report = report(action.id, &answer);
    send(&app, &claims, &report.into_ack(claims.vin.clone(), Some(claims.model.clone()), clock::now())).await?;
    Ok(taken())
}

/// The action `id`, if it waits for its user.
async fn waiting(app: &App, claims: &Claims, id: &str) -> Result<(Action, Document), Problem> {
    let id: ActionId = id.parse().map_err(|()| no_such_action())?;
    let action = find(app, claims, id).await?;
    if action.is_over() || action.withdrawn {
        return Err(gone());
    }
    let document = document(app, claims, &action).ok_or_else(no_such_action)?;
    if awaits_consent(app, claims, &action, &document).await? { Ok((action, document)) } else { Err(gone()) }
}

fn report(id: ActionId, answer: &Answer) -> AckReport {
    let (state, error_code) = match answer.confirmation {
        Confirmation::Confirmed => (ReportedState::Accepted, None),
        Confirmation::Denied => {
            let code = answer.code.map_or_else(|| "ddi-denied".to_owned(), |code| format!("ddi-{code}"));
            (ReportedState::Declined, Some(code))
        }
    };
    AckReport {
        error_code,
        log: answer.details.as_ref().map(|details| cut(details.join("\n"), MAX_LOG_BYTES)),
        ..AckReport::of(id.campaign, id.attempt, state.derived_sequence(None), state)
    }
}
