//! Answers to creating calls that carried an Idempotency-Key, so that a client that did not hear the answer
//! may ask again. A key is reserved before the call is done: of two at once only one is done.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;

use crate::{Store, StoreError};

/// How long an answer is kept.
pub const LIFE: TimeDelta = TimeDelta::hours(24);
/// When a call that never ended (its process was killed) no longer stands in the way of the next.
const GIVEN_UP: TimeDelta = TimeDelta::minutes(1);

/// Whose key, and of what request.
#[derive(Debug, Clone)]
pub struct Call {
    pub actor: String,
    pub key: String,
    /// Of method, path and body.
    pub request_sha256: Vec<u8>,
}

/// What a key says of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// The key is this call's: do it, then [`complete`] or [`release`].
    Fresh,
    /// Done before, with this answer.
    Done { status: u16, body: Vec<u8> },
    /// The same request is being done now.
    UnderWay,
    /// The key was used for another request.
    OtherRequest,
}

#[derive(FromRow)]
struct Row {
    request_sha256: Vec<u8>,
    status: Option<i32>,
    body: Option<Vec<u8>>,
}

/// Reserves the key for a call that begins at `now`.
///
/// # Errors
/// [`StoreError`].
pub async fn reserve(store: &Store, call: &Call, now: DateTime<Utc>) -> Result<Reservation, StoreError> {
    let reserved = sqlx::query(
        "INSERT INTO idempotency_keys AS known (actor, key, request_sha256, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (actor, key) DO UPDATE
         SET request_sha256 = EXCLUDED.request_sha256, status = NULL, body = NULL, created_at = EXCLUDED.created_at
         WHERE known.created_at <= $5
            OR (known.status IS NULL AND known.created_at <= $6 AND known.request_sha256 = EXCLUDED.request_sha256)",
    )
    .bind(&call.actor)
    .bind(&call.key)
    .bind(&call.request_sha256)
    .bind(now)
    .bind(now - LIFE)
    .bind(now - GIVEN_UP)
    .execute(store.pool())
    .await?;
    if reserved.rows_affected() == 1 {
        return Ok(Reservation::Fresh);
    }
    let row: Option<Row> =
        sqlx::query_as("SELECT request_sha256, status, body FROM idempotency_keys WHERE actor = $1 AND key = $2")
            .bind(&call.actor)
            .bind(&call.key)
            .fetch_optional(store.pool())
            .await?;
    match row {
        Some(row) if row.request_sha256 != call.request_sha256 => Ok(Reservation::OtherRequest),
        Some(Row { status: Some(status), body: Some(body), .. }) => {
            let status = u16::try_from(status).map_err(|error| StoreError::inconsistent("idempotency_keys", error))?;
            Ok(Reservation::Done { status, body })
        }
        // Released this very moment, or not answered yet: the client asks again in a moment.
        _ => Ok(Reservation::UnderWay),
    }
}

/// Keeps the answer of a call that was reserved at `reserved_at`; false when it had been given up.
///
/// # Errors
/// [`StoreError`].
pub async fn complete(
    store: &Store,
    call: &Call,
    reserved_at: DateTime<Utc>,
    status: u16,
    body: &[u8],
) -> Result<bool, StoreError> {
    let kept = sqlx::query(
        "UPDATE idempotency_keys SET status = $4, body = $5
         WHERE actor = $1 AND key = $2 AND created_at = $3 AND status IS NULL",
    )
    .bind(&call.actor)
    .bind(&call.key)
    .bind(reserved_at)
    .bind(i32::from(status))
    .bind(body)
    .execute(store.pool())
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Frees the key of a call that changed nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn release(store: &Store, call: &Call, reserved_at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM idempotency_keys WHERE actor = $1 AND key = $2 AND created_at = $3 AND status IS NULL")
        .bind(&call.actor)
        .bind(&call.key)
        .bind(reserved_at)
        .execute(store.pool())
        .await?;
    Ok(())
}

/// Forgets what is older than [`LIFE`]; how many keys.
///
/// # Errors
/// [`StoreError`].
pub async fn prune(store: &Store, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let pruned = sqlx::query("DELETE FROM idempotency_keys WHERE created_at <= $1")
        .bind(now - LIFE)
        .execute(store.pool())
        .await?;
    Ok(pruned.rows_affected())
}
