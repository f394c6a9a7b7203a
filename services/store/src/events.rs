//! What happened, kept in the order of commits: for dashboards that follow by id and come back later, and,
//! through the outbox, for other systems.

use chrono::{DateTime, Utc};
use otaru_domain::ack::SCHEMA_VERSION;
use otaru_domain::event::{Event, EventKind};
use otaru_domain::id::CampaignId;
use otaru_domain::topic;
use serde_json::{Value, json};

use crate::outbox::{self, OutboxMessage};
use crate::{Store, StoreError, Tx, audit};

/// Records what happened, in the audit log as well, and sends it to `otaru.events`. Gives the event's id, which is its place in the
/// outbox of that topic. A VIN in what somebody wrote is replaced by the vehicle's row, as in the log, for nothing erases it from
/// a topic. Every event of the installation waits for its turn here until the transaction
/// ends, so call it last.
///
/// # Errors
/// [`StoreError`].
pub async fn record(tx: &mut Tx, actor: &str, kind: EventKind, now: DateTime<Utc>) -> Result<i64, StoreError> {
    record_with(tx, actor, kind, json!({}), now).await
}

/// As [`record`]; the audit log keeps the members of `details`, too, such as the reason that a person gave.
///
/// # Errors
/// [`StoreError`].
pub async fn record_with(
    tx: &mut Tx,
    actor: &str,
    kind: EventKind,
    details: Value,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let (subject, campaign) = subject_of(&kind);
    audit_entry(tx, actor, &kind, &subject, details, now).await?;
    let id = outbox::take_positions(tx, topic::EVENTS, 1).await?;
    let event = Event { schema_version: SCHEMA_VERSION, id, at: now, actor: actor.to_owned(), kind };
    let json = serde_json::to_string(&event).map_err(|error| StoreError::inconsistent("events", error))?;
    let json = audit::without_vins(tx, json).await?;
    let message = OutboxMessage { key: Some(subject.into_bytes()), value: Some(json.clone().into_bytes()) };
    sqlx::query("INSERT INTO events (id, at, actor, campaign_id, event) VALUES ($1, $2, $3, $4, $5::jsonb)")
        .bind(id)
        .bind(now)
        .bind(actor)
        .bind(campaign)
        .bind(&json)
        .execute(&mut **tx)
        .await?;
    outbox::place(tx, topic::EVENTS, id, &[message], now).await?;
    Ok(id)
}

/// The event as an entry of the audit log. Its lock comes before that of the topic, for everybody.
async fn audit_entry(
    tx: &mut Tx,
    actor: &str,
    kind: &EventKind,
    subject: &str,
    details: Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let kind = serde_json::to_value(kind).map_err(|error| StoreError::inconsistent("events", error))?;
    let (Value::Object(mut kind), Value::Object(details)) = (kind, details) else {
        return Err(StoreError::inconsistent("events", "an event that is no object"));
    };
    let action = kind.remove("type").and_then(|action| action.as_str().map(str::to_owned)).unwrap_or_default();
    kind.extend(details.into_iter().filter(|(_, value)| !value.is_null()));
    audit::record(tx, actor, &action, subject, &Value::Object(kind), now).await
}

/// What an event is about: the message's key, and the campaign if it is one.
fn subject_of(kind: &EventKind) -> (String, Option<CampaignId>) {
    match kind {
        EventKind::ModelCreated { model } | EventKind::ModelActivated { model } => (format!("model-{model}"), None),
        EventKind::ReleaseLocked { release } | EventKind::ReleaseRecalled { release, .. } => {
            (format!("release-{release}"), None)
        }
        EventKind::EmergencyStopped { .. } | EventKind::EmergencyStopLifted { .. } => {
            ("emergency-stop".to_owned(), None)
        }
        EventKind::CampaignCreated { campaign }
        | EventKind::CampaignChanged { campaign }
        | EventKind::CampaignApproved { campaign, .. }
        | EventKind::CampaignStateChanged { campaign, .. }
        | EventKind::CampaignHalted { campaign, .. }
        | EventKind::WaveOpened { campaign, .. }
        | EventKind::WaveApproved { campaign, .. }
        | EventKind::VehiclesRetried { campaign, .. }
        | EventKind::VehiclesTimedOut { campaign, .. }
        | EventKind::CampaignClosing { campaign, .. } => (format!("campaign-{campaign}"), Some(*campaign)),
    }
}

/// The events after `after`, oldest first; of one campaign if it is given.
///
/// # Errors
/// [`StoreError`].
pub async fn after(
    store: &Store,
    after: i64,
    campaign: Option<CampaignId>,
    limit: i64,
) -> Result<Vec<Event>, StoreError> {
    let rows: Vec<serde_json::Value> = match campaign {
        Some(campaign) => {
            sqlx::query_scalar("SELECT event FROM events WHERE campaign_id = $2 AND id > $1 ORDER BY id LIMIT $3")
                .bind(after)
                .bind(campaign)
                .bind(limit)
                .fetch_all(store.pool())
                .await?
        }
        None => {
            sqlx::query_scalar("SELECT event FROM events WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(after)
                .bind(limit)
                .fetch_all(store.pool())
                .await?
        }
    };
    rows.into_iter()
        .map(|row| serde_json::from_value(row).map_err(|error| StoreError::inconsistent("events", error)))
        .collect()
}

/// The id of the newest event; 0 before the first.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(store: &Store) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM events").fetch_one(store.pool()).await?)
}
