//! Messages written in the transaction of what they follow from, so that neither exists without the other.
//! A writer takes its positions from the topic's row, which stays locked until it commits: positions become
//! visible in their order and without gaps, and "the lowest first" loses nothing.

use chrono::{DateTime, Utc};
use otaru_domain::ack::Ack;
use otaru_domain::topic;

use crate::leadership::{self, Epoch};
use crate::{Store, StoreError, Tx};

/// The channel of `NOTIFY`; the payload is the topic.
pub const CHANNEL: &str = "otaru_outbox";

/// The longest value: one that the broker does not take must not get in, for it would block its topic.
pub const MAX_VALUE_BYTES: usize = 8 * 1024 * 1024 - 1024;

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// A message that waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    pub position: i64,
    pub message: OutboxMessage,
}

/// Adds messages to `topic`'s outbox, in this order. The topic stays locked until the transaction ends:
/// lock what else you need before, and where there are several topics, manifests come before acks, and
/// events last.
///
/// # Errors
/// [`StoreError`].
pub async fn enqueue(
    tx: &mut Tx,
    topic: &str,
    messages: &[OutboxMessage],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let longest = messages.iter().filter_map(|message| message.value.as_ref()).map(Vec::len).max().unwrap_or(0);
    if longest > MAX_VALUE_BYTES {
        let what = format!("a message of {longest} bytes for {topic}, {MAX_VALUE_BYTES} are allowed");
        return Err(StoreError::inconsistent("outbox", what));
    }
    let first = take_positions(tx, topic, messages.len()).await?;
    place(tx, topic, first, messages, now).await
}

/// Adds acknowledgements of the engine.
///
/// # Errors
/// [`StoreError`].
pub async fn enqueue_acks(tx: &mut Tx, acks: &[Ack], now: DateTime<Utc>) -> Result<(), StoreError> {
    let messages = acks.iter().map(|ack| {
        let value = serde_json::to_vec(ack).map_err(|error| StoreError::inconsistent("outbox", error))?;
        Ok(OutboxMessage { key: Some(ack.vin.as_str().as_bytes().to_vec()), value: Some(value) })
    });
    let messages = messages.collect::<Result<Vec<_>, StoreError>>()?;
    enqueue(tx, topic::ACKS, &messages, now).await
}

/// Takes the next `count` positions of `topic` and gives the first of them.
pub(crate) async fn take_positions(tx: &mut Tx, topic: &str, count: usize) -> Result<i64, StoreError> {
    let count = i64::try_from(count).map_err(|error| StoreError::inconsistent("outbox_topics", error))?;
    let first = sqlx::query_scalar(
        "INSERT INTO outbox_topics AS t (topic, next_position) VALUES ($1, 1 + $2)
         ON CONFLICT (topic) DO UPDATE SET next_position = t.next_position + $2
         RETURNING next_position - $2",
    );
    Ok(first.bind(topic).bind(count).fetch_one(&mut **tx).await?)
}

/// Writes messages to positions taken before.
pub(crate) async fn place(
    tx: &mut Tx,
    topic: &str,
    first: i64,
    messages: &[OutboxMessage],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let keys: Vec<Option<&[u8]>> = messages.iter().map(|message| message.key.as_deref()).collect();
    let values: Vec<Option<&[u8]>> = messages.iter().map(|message| message.value.as_deref()).collect();
    sqlx::query(
        "INSERT INTO outbox (topic, position, key, value, created_at)
         SELECT $1, $2 + m.ordinal - 1, m.key, m.value, $5
         FROM unnest($3::bytea[], $4::bytea[]) WITH ORDINALITY AS m (key, value, ordinal)",
    )
    .bind(topic)
    .bind(first)
    .bind(keys)
    .bind(values)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(topic).execute(&mut **tx).await?;
    Ok(())
}

/// The topics that have messages waiting.
///
/// # Errors
/// [`StoreError`].
pub async fn pending_topics(store: &Store) -> Result<Vec<String>, StoreError> {
    let topics = sqlx::query_scalar(
        "SELECT topic FROM outbox_topics t
         WHERE EXISTS (SELECT 1 FROM outbox o WHERE o.topic = t.topic) ORDER BY topic",
    );
    Ok(topics.fetch_all(store.pool()).await?)
}

/// The first messages of `topic`: at most `max_rows`, and no more once they have `max_bytes` together.
///
/// # Errors
/// [`StoreError`].
pub async fn next_batch(store: &Store, topic: &str, max_rows: i64, max_bytes: i64) -> Result<Vec<Pending>, StoreError> {
    let rows: Vec<(i64, Option<Vec<u8>>, Option<Vec<u8>>)> = sqlx::query_as(
        "SELECT position, key, value FROM (
             SELECT position, key, value,
                    sum(coalesce(octet_length(value), 0)) OVER (ORDER BY position)
                        - coalesce(octet_length(value), 0) AS bytes_before
             FROM (SELECT position, key, value FROM outbox WHERE topic = $1 ORDER BY position LIMIT $2) AS head
         ) AS sized
         WHERE bytes_before < $3 ORDER BY position",
    )
    .bind(topic)
    .bind(max_rows)
    .bind(max_bytes)
    .fetch_all(store.pool())
    .await?;
    let pending = |(position, key, value)| Pending { position, message: OutboxMessage { key, value } };
    Ok(rows.into_iter().map(pending).collect())
}

/// Forgets the messages of `topic` up to and including `last`, which the broker has acknowledged.
///
/// # Errors
/// [`StoreError::Fenced`] when another process leads meanwhile.
pub async fn delivered(store: &Store, epoch: Epoch, topic: &str, last: i64) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    leadership::check(&mut tx, epoch).await?;
    sqlx::query("DELETE FROM outbox WHERE topic = $1 AND position <= $2")
        .bind(topic)
        .bind(last)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}
