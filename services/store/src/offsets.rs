//! How far each partition was applied, and by whom: the offset moves in the transaction that applies the
//! messages before it, so they count exactly once. The epoch fences: two consumers may own a partition
//! for a moment while a group rebalances, and only the one that claimed it last can move it.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::{Store, StoreError, Tx, triage};

/// The right to apply a partition, until another owner claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub consumer: &'static str,
    pub topic: String,
    pub partition: i32,
    /// The first offset not applied yet. The owner moves it on after each commit.
    pub next_offset: i64,
    pub epoch: i64,
}

/// Where a transaction brings a partition to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The offset after the last message of the batch.
    pub next_offset: i64,
    /// The end of the partition, as last seen.
    pub high_offset: i64,
    /// When the last message of the batch was written.
    pub last_at: DateTime<Utc>,
}

/// How far a partition's owner is behind.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct PartitionLag {
    pub consumer: String,
    pub topic: String,
    pub partition: i32,
    pub next_offset: i64,
    /// Messages that wait.
    pub messages: i64,
    /// How long the oldest of them waits, in seconds.
    pub seconds: f64,
    /// When its owner last looked; a role that is down does not.
    pub seen_at: DateTime<Utc>,
    pub applied_at: DateTime<Utc>,
}

/// Takes a partition over: whoever held it before can no longer move it.
///
/// # Errors
/// [`StoreError`].
pub async fn claim(
    store: &Store,
    consumer: &'static str,
    topic: &str,
    partition: i32,
    now: DateTime<Utc>,
) -> Result<Claim, StoreError> {
    let (next_offset, epoch) = sqlx::query_as(
        "INSERT INTO consumer_offsets AS o (consumer, topic, partition, next_offset, epoch, applied_at, seen_at)
         VALUES ($1, $2, $3, 0, 1, $4, $4)
         ON CONFLICT (consumer, topic, partition) DO UPDATE SET epoch = o.epoch + 1, seen_at = EXCLUDED.seen_at
         RETURNING next_offset, epoch",
    )
    .bind(consumer)
    .bind(topic)
    .bind(partition)
    .bind(now)
    .fetch_one(store.pool())
    .await?;
    Ok(Claim { consumer, topic: topic.to_owned(), partition, next_offset, epoch })
}

/// The fence; the first statement of each transaction that applies messages. It locks the partition's row
/// until the end of the transaction.
///
/// # Errors
/// [`StoreError::Fenced`] when another owner claimed the partition or moved it: roll back and claim again.
pub async fn advance(tx: &mut Tx, claim: &Claim, to: Position, now: DateTime<Utc>) -> Result<(), StoreError> {
    let moved = sqlx::query(
        "UPDATE consumer_offsets
            SET next_offset = $6, high_offset = greatest(high_offset, $6, $7), applied_at = $9, seen_at = $9,
                behind_since = CASE WHEN $6 < $7 THEN $8 END
          WHERE consumer = $1 AND topic = $2 AND partition = $3 AND next_offset = $4 AND epoch = $5",
    )
    .bind(claim.consumer)
    .bind(&claim.topic)
    .bind(claim.partition)
    .bind(claim.next_offset)
    .bind(claim.epoch)
    .bind(to.next_offset)
    .bind(to.high_offset)
    .bind(to.last_at)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced("the partition")) }
}

/// Notes the end of a partition, so that its lag is known while nothing is applied.
///
/// # Errors
/// [`StoreError::Fenced`] when another owner claimed the partition.
pub async fn observe(store: &Store, claim: &Claim, high_offset: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
    let seen = sqlx::query(
        "UPDATE consumer_offsets
            SET high_offset = greatest(next_offset, $5), seen_at = $6,
                behind_since = CASE WHEN next_offset < $5 THEN coalesce(behind_since, $6) END
          WHERE consumer = $1 AND topic = $2 AND partition = $3 AND epoch = $4",
    )
    .bind(claim.consumer)
    .bind(&claim.topic)
    .bind(claim.partition)
    .bind(claim.epoch)
    .bind(high_offset)
    .bind(now)
    .execute(store.pool())
    .await?;
    if seen.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced("the partition")) }
}

/// Moves a partition to where its topic begins now: it was created anew, or its old messages are gone.
/// Reading a message twice changes nothing, so going back is safe.
///
/// # Errors
/// [`StoreError::Fenced`] when another owner claimed the partition.
pub async fn reset(store: &Store, claim: &mut Claim, to: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
    let moved = sqlx::query(
        "UPDATE consumer_offsets SET next_offset = $5, high_offset = $5, behind_since = NULL, seen_at = $6
          WHERE consumer = $1 AND topic = $2 AND partition = $3 AND epoch = $4",
    )
    .bind(claim.consumer)
    .bind(&claim.topic)
    .bind(claim.partition)
    .bind(claim.epoch)
    .bind(to)
    .bind(now)
    .execute(store.pool())
    .await?;
    if moved.rows_affected() != 1 {
        return Err(StoreError::Fenced("the partition"));
    }
    claim.next_offset = to;
    Ok(())
}

/// The first offset of each partition of `topic` that `consumer` has not applied yet.
///
/// # Errors
/// [`StoreError`].
pub async fn applied(store: &Store, consumer: &str, topic: &str) -> Result<Vec<(i32, i64)>, StoreError> {
    Ok(sqlx::query_as("SELECT partition, next_offset FROM consumer_offsets WHERE consumer = $1 AND topic = $2")
        .bind(consumer)
        .bind(topic)
        .fetch_all(store.pool())
        .await?)
}

/// How far each partition is behind that something waits for, so not triage's.
///
/// # Errors
/// [`StoreError`].
pub async fn lag(store: &Store, now: DateTime<Utc>) -> Result<Vec<PartitionLag>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT consumer, topic, partition, next_offset, seen_at, applied_at,
                greatest(high_offset - next_offset, 0) AS messages,
                CASE WHEN high_offset > next_offset
                     THEN greatest(extract(epoch FROM $1 - coalesce(behind_since, seen_at)), 0) ELSE 0 END::float8 AS seconds
           FROM consumer_offsets WHERE consumer <> $2 ORDER BY consumer, topic, partition",
    )
    .bind(now)
    .bind(triage::CONSUMER)
    .fetch_all(store.pool())
    .await?)
}
