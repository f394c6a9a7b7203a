//! Messages that could not be parsed or applied, so that they stop nothing and are not lost either.
//!
//! Whoever puts a message aside while applying a partition writes it here in the same transaction and
//! sends it to `otaru.dead-letters` before the commit; whoever cannot reach Postgres (the gateway) only
//! sends it, and vehicle-state reads the topic back into this table. Both ways meet in one row, because
//! a dead letter is named by where its message was read.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::{Store, StoreError, Tx};

/// A message that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where the message was read, or was meant to go.
    pub topic: String,
    /// Its partition there. Negative when it never reached that topic: `-1 - p`, where `p` and `offset`
    /// are those of its record on `otaru.dead-letters`.
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// A code: `unparsable`, `unknown_vehicle`, `unknown_assignment`, `unknown_attempt`, `not_theirs`,
    /// `far_future`, `unappliable`, or one of the gateway's.
    pub reason: String,
    /// The same in words.
    pub detail: String,
    pub at: DateTime<Utc>,
}

/// A dead letter as kept.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct StoredDeadLetter {
    pub id: i64,
    pub topic: String,
    pub partition: i32,
    pub record_offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub reason: String,
    pub detail: String,
    pub at: DateTime<Utc>,
    pub replayed_at: Option<DateTime<Utc>>,
}

/// Keeps dead letters; one that is there already stays as it is.
///
/// # Errors
/// [`StoreError`].
pub async fn record(tx: &mut Tx, letters: &[DeadLetter]) -> Result<(), StoreError> {
    if letters.is_empty() {
        return Ok(());
    }
    // Postgres keeps no NUL in a text, and a detail may quote a stranger.
    let plain = |text: &str| text.replace('\0', "\u{fffd}");
    sqlx::query(
        "INSERT INTO dead_letters (topic, partition, record_offset, key, value, reason, detail, at)
         SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[], $6::text[], $7::text[], $8::timestamptz[])
         ON CONFLICT (topic, partition, record_offset) DO NOTHING",
    )
    .bind(letters.iter().map(|letter| plain(&letter.topic)).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| letter.partition).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| letter.offset).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| letter.key.as_deref()).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| letter.value.as_deref()).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| plain(&letter.reason)).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| plain(&letter.detail)).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| letter.at).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A page, newest first. The next page begins before the last id of this one.
///
/// # Errors
/// [`StoreError`].
pub async fn page(store: &Store, before: Option<i64>, limit: i64) -> Result<Vec<StoredDeadLetter>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, topic, partition, record_offset, key, value, reason, detail, at, replayed_at
           FROM dead_letters WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}

/// One of them, if it is there.
///
/// # Errors
/// [`StoreError`].
pub async fn get(store: &Store, id: i64) -> Result<Option<StoredDeadLetter>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, topic, partition, record_offset, key, value, reason, detail, at, replayed_at
           FROM dead_letters WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(store.pool())
    .await?)
}

/// Notes that a dead letter was sent again. Gives whether there is such a letter.
///
/// # Errors
/// [`StoreError`].
pub async fn mark_replayed(tx: &mut Tx, id: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let marked = sqlx::query("UPDATE dead_letters SET replayed_at = $2 WHERE id = $1")
        .bind(id)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(marked.rows_affected() == 1)
}

/// How many there are that nobody sent again.
///
/// # Errors
/// [`StoreError`].
pub async fn open_count(store: &Store) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL")
        .fetch_one(store.pool())
        .await?)
}
