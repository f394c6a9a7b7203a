//! Dead letters: seen, mended and sent again. What is sent again must parse, so that it cannot come back for
//! the same reason; it goes through the outbox, like everything.

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use otaru_domain::ack::{Ack, AckReport};
use otaru_domain::id::Vin;
use otaru_domain::inventory::Inventory;
use otaru_domain::{clock, topic};
use otaru_http::{Json, Problem};
use otaru_store::StoreError;
use otaru_store::audit;
use otaru_store::dead_letters::{self, StoredDeadLetter};
use otaru_store::outbox::{self, OutboxMessage};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(replay))
}

/// A message that could not be parsed or applied.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetter {
    id: i64,
    /// Where it was read, or was meant to go.
    topic: String,
    /// Its partition there; negative when it never got there.
    partition: i32,
    offset: i64,
    /// Why it was put aside, as a code.
    reason: String,
    /// The same in words.
    detail: String,
    at: DateTime<Utc>,
    /// When somebody sent it again.
    replayed_at: Option<DateTime<Utc>>,
    key: Option<String>,
    /// The message, if it is text.
    value: Option<String>,
    /// The message, if it is not.
    value_base64: Option<String>,
}

/// A page of dead letters, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetterPage {
    items: Vec<DeadLetter>,
    next_cursor: Option<String>,
}

/// How to send it again; an empty body sends it as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayRequest {
    /// The mended message.
    #[serde(default)]
    value: Option<String>,
}

impl From<StoredDeadLetter> for DeadLetter {
    fn from(letter: StoredDeadLetter) -> Self {
        let (value, value_base64) = match letter.value.map(String::from_utf8) {
            None => (None, None),
            Some(Ok(text)) => (Some(text), None),
            Some(Err(error)) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        Self {
            id: letter.id,
            topic: letter.topic,
            partition: letter.partition,
            offset: letter.record_offset,
            reason: letter.reason,
            detail: letter.detail,
            at: letter.at,
            replayed_at: letter.replayed_at,
            key: letter.key.map(|key| String::from_utf8_lossy(&key).into_owned()),
            value,
            value_base64,
        }
    }
}

async fn found(app: &App, id: i64) -> Result<StoredDeadLetter, ApiError> {
    let letter = dead_letters::get(&app.store, id).await?;
    letter.ok_or_else(|| Problem::not_found(format!("there is no dead letter {id}")).into())
}

/// List dead letters
#[utoipa::path(
    get,
    path = "/dead-letters", operation_id = "list_dead_letters",
    tag = "fleet",
    params(PageQuery), responses((status = 200, description = "Newest first", body = DeadLetterPage))
)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Actor,
    Query(page): Query<PageQuery>,
) -> Result<Json<DeadLetterPage>, ApiError> {
    let window = page.window::<i64>()?;
    let rows = dead_letters::page(&app.store, window.after, window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |row| row.id);
    Ok(Json(DeadLetterPage { items: rows.into_iter().map(DeadLetter::from).collect(), next_cursor }))
}

/// Read a dead letter
#[utoipa::path(
    get,
    path = "/dead-letters/{id}", operation_id = "get_dead_letter",
    tag = "fleet",
    params(("id" = i64, Path)),
    responses((status = 200, description = "The message and why it was put aside", body = DeadLetter))
)]
pub(crate) async fn get(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<i64>,
) -> Result<Json<DeadLetter>, ApiError> {
    Ok(Json(DeadLetter::from(found(&app, id).await?)))
}

/// Send a dead letter again
///
/// To the topic it was read from, mended if a `value` is given. What still cannot be applied becomes
/// another dead letter.
#[utoipa::path(
    post,
    path = "/dead-letters/{id}/replay", operation_id = "replay_dead_letter",
    tag = "fleet",
    params(("id" = i64, Path)),
    request_body(content = Option<ReplayRequest>),
    responses((status = 200, description = "It is on its way", body = DeadLetter))
)]
pub(crate) async fn replay(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<i64>,
    body: Bytes,
) -> Result<Json<DeadLetter>, ApiError> {
    let request = if body.is_empty() { ReplayRequest::default() } else { Json::parse(&body)?.0 };
    let letter = found(&app, id).await?;
    let mended_by_hand = request.value.is_some();
    let value = request.value.map(String::into_bytes).or_else(|| letter.value.clone()).unwrap_or_default();
    let now = clock::now();
    let message = mended(&letter, &value, now)?;
    let mut tx = app.store.begin().await?;
    outbox::enqueue(&mut tx, &letter.topic, &[message], now).await?;
    dead_letters::mark_replayed(&mut tx, id, now).await?;
    let details = json!({"topic": letter.topic, "mended": mended_by_hand});
    audit::record(&mut tx, &actor.name, "dead_letter_replayed", &format!("dead-letter-{id}"), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(dead_letter = id, topic = letter.topic, by = actor.name, "a dead letter was sent again");
    Ok(Json(DeadLetter::from(found(&app, id).await?)))
}

/// The message to send: one that its reader can parse.
fn mended(letter: &StoredDeadLetter, value: &[u8], now: DateTime<Utc>) -> Result<OutboxMessage, Problem> {
    let (vin, bytes) = match letter.topic.as_str() {
        topic::ACKS => {
            let ack = match serde_json::from_slice::<Ack>(value) {
                Ok(ack) => ack,
                // A line that a gateway could not take is a vehicle's report, without what a gateway adds.
                Err(error) => report(letter, value, now).ok_or_else(|| unreadable(&error))?,
            };
            (ack.vin.clone(), serde_json::to_vec(&ack))
        }
        topic::INVENTORIES => {
            let inventory: Inventory = serde_json::from_slice(value).map_err(|error| unreadable(&error))?;
            (inventory.vin.clone(), serde_json::to_vec(&inventory))
        }
        other => return Err(Problem::conflict("not-replayable", format!("nothing is sent to {other} by hand"))),
    };
    let bytes = bytes.map_err(|error| unreadable(&error))?;
    Ok(OutboxMessage { key: Some(vin.as_str().as_bytes().to_vec()), value: Some(bytes) })
}

fn report(letter: &StoredDeadLetter, value: &[u8], now: DateTime<Utc>) -> Option<Ack> {
    let vin = Vin::parse(std::str::from_utf8(letter.key.as_deref()?).ok()?).ok()?;
    let report: AckReport = serde_json::from_slice(value).ok()?;
    report.check().ok()?;
    Some(report.into_ack(vin, None, now))
}

fn unreadable(error: &serde_json::Error) -> Problem {
    Problem::invalid("/value", format!("its reader could not parse it: {error}; send a mended `value`"))
}
