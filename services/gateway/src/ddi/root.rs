//! `GET /{tenant}/controller/v1/{vin}`: a device asks whether there is anything to do. It is told at most one thing: to
//! stop, to go on with or begin an update, or to ask its user.
//!
//! What it works on stays linked while the campaign is paused, because a device that reboots into the new software
//! reports its success to the action that it finds here.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use otaru_domain::assignment::AssignmentState;
use otaru_domain::clock;
use otaru_domain::token::Claims;
use otaru_http::Problem;
use otaru_store::ddi as rows;
use serde_json::{Map, Value, json};

use super::action::ActionId;
use super::device::Device;
use super::standing::{Action, actions, awaits_consent, document};
use super::{hal, policy};
use crate::api::jittered_secs;
use crate::app::App;
use crate::mirror::Document;
use crate::offers::{self, Client, Outcome};
use crate::{problems, signatures};

/// How long to wait for what is on its way.
const SOON: Duration = Duration::from_secs(3);
/// DDI writes the wait as a time of day.
const LONGEST_SECS: u64 = 24 * 3600 - 1;

/// What a device is told to do.
enum Todo {
    Cancel(ActionId),
    Deploy(ActionId, Option<Document>),
    Confirm(ActionId, Document),
    Nothing { soon: bool },
}

pub(super) async fn root(State(app): State<App>, Device { claims, links }: Device) -> Result<Response, Problem> {
    let (todo, installed) = look(&app, &claims).await?;
    let mut to = Map::new();
    let mut wait = app.poll_interval;
    let result = match todo {
        Todo::Cancel(id) => {
            to.insert("cancelAction".to_owned(), links.action("cancelAction", id));
            "cancel"
        }
        Todo::Deploy(id, document) => {
            let call = format!("deploymentBase/{id}?c={}", fingerprint(id, document.as_ref()));
            to.insert("deploymentBase".to_owned(), links.to(&call));
            "offer"
        }
        Todo::Confirm(id, document) => {
            let call = format!("confirmationBase/{id}?c={}", fingerprint(id, Some(&document)));
            to.insert("confirmationBase".to_owned(), links.to(&call));
            "confirm"
        }
        Todo::Nothing { soon } => {
            wait = if soon { wait.min(SOON) } else { wait };
            "nothing"
        }
    };
    metrics::counter!("otaru_gateway_ddi_polls_total", "result" => result).increment(1);
    if is_to_be_described(&app, &claims).await {
        to.insert("configData".to_owned(), links.to("configData"));
    }
    if let Some(id) = installed {
        to.insert("installedBase".to_owned(), links.action("installedBase", id));
    }
    let polling = json!({ "sleep": time_of_day(jittered_secs(wait)) });
    Ok(hal(json!({ "config": { "polling": polling }, "_links": Value::Object(to) })))
}

/// What there is to do, and what was installed last.
async fn look(app: &App, claims: &Claims) -> Result<(Todo, Option<ActionId>), Problem> {
    const NOTHING: (Todo, Option<ActionId>) = (Todo::Nothing { soon: false }, None);
    if !app.mirror.is_complete() {
        return Err(problems::starting());
    }
    // From memory, nearly always: the documents of campaigns that ended stay for a while, so this vehicle is told
    // that one was withdrawn.
    let view = app.mirror.get(&claims.model).and_then(|repository| repository.view());
    if view.is_none_or(|view| view.documents.is_empty()) {
        return Ok(NOTHING);
    }
    // What it reports would not be taken.
    if signatures::are_required(app, &claims.model).await {
        return Ok(NOTHING);
    }
    let all = actions(app, claims, None).await?;
    let installed = all.iter().rev().find(|action| action.exit == Some(AssignmentState::Installed));
    let installed = installed.map(|action| action.id);
    if let Some(action) = all.iter().find(|action| action.is_to_cancel()) {
        return Ok((Todo::Cancel(action.id), installed));
    }
    for action in all.iter().filter(|action| action.is_under_way()) {
        let document = document(app, claims, action);
        if document.as_ref().is_none_or(|document| policy::may_take(&document.document)) {
            return Ok((Todo::Deploy(action.id, document), installed));
        }
    }
    Ok((offered(app, claims, &all).await?, installed))
}

async fn offered(app: &App, claims: &Claims, all: &[Action]) -> Result<Todo, Problem> {
    let update = match offers::evaluate(app, claims, Client::Ddi, clock::now()).await? {
        Outcome::Nothing { soon } => return Ok(Todo::Nothing { soon }),
        Outcome::Offer { update, .. } => update,
    };
    // Read at another moment, so it may not be among the actions yet.
    let id = ActionId::new(update.campaign, update.attempt);
    let Some(action) = all.iter().find(|action| Some(action.id) == id) else {
        return Ok(Todo::Nothing { soon: id.is_some() });
    };
    let Some(document) = document(app, claims, action) else {
        return Ok(Todo::Nothing { soon: true });
    };
    if awaits_consent(app, claims, action, &document).await? {
        return Ok(Todo::Confirm(action.id, document));
    }
    Ok(Todo::Deploy(action.id, Some(document)))
}

/// The action that waits for its user's confirmation.
pub(super) async fn awaiting(app: &App, claims: &Claims) -> Result<Option<ActionId>, Problem> {
    let (todo, _) = look(app, claims).await?;
    Ok(match todo {
        Todo::Confirm(id, _) => Some(id),
        Todo::Cancel(_) | Todo::Deploy(..) | Todo::Nothing { .. } => None,
    })
}

/// A number that changes when what the action says changes: its attempt or the campaign's document.
fn fingerprint(id: ActionId, document: Option<&Document>) -> u32 {
    let digits = document.and_then(|document| document.sha256.get(..7));
    let document = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0);
    document ^ id.attempt
}

/// Whether the device is asked for its attributes: until it told them once, and where it may tell them unsigned.
async fn is_to_be_described(app: &App, claims: &Claims) -> bool {
    if app.ddi.described.contains_key(&claims.vin) || signatures::must_sign_inventories(app, &claims.model).await {
        return false;
    }
    match rows::has_reported(&app.store, claims.vehicle).await {
        Ok(false) => true,
        Ok(true) => {
            app.ddi.described.insert(claims.vin.clone(), ());
            false
        }
        // Asked for with another poll.
        Err(error) => {
            app.database.failed(&error);
            false
        }
    }
}

fn time_of_day(secs: u64) -> String {
    let secs = secs.min(LONGEST_SECS);
    format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_a_time_of_day() {
        for (secs, text) in [(1, "00:00:01"), (300, "00:05:00"), (3661, "01:01:01"), (u64::MAX, "23:59:59")] {
            assert_eq!(time_of_day(secs), text);
        }
    }
}
