//! The audit log. An entry is written in the transaction of what it tells, behind the one before it; the chain's
//! end is a row that stays locked until the commit, so call this last, as for events.
//!
//! Entries outlive the people and vehicles they are about: a vehicle is named by its row, and a VIN in what
//! somebody wrote is replaced by that before it is hashed, so erasing the VIN later breaks nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound as _, Utc};
use otaru_domain::audit::{Break, Digest, Entry, GENESIS, Walk, replace_word, vin_like};
use otaru_domain::id::VehicleId;
use serde_json::Value;
use sqlx::FromRow;

use crate::{Store, StoreError, Tx};

/// Entries read at once on a walk.
const BATCH: i64 = 1_000;

/// What the log calls a vehicle.
#[must_use]
pub fn vehicle(id: VehicleId) -> String {
    format!("vehicle-{id}")
}

/// Appends an entry: `actor` did `action` to `object`. Secrets have no place in `details`.
///
/// # Errors
/// [`StoreError`].
pub async fn record(
    tx: &mut Tx,
    actor: &str,
    action: &str,
    object: &str,
    details: &Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let details = without_vins(tx, details.to_string()).await?;
    // A statement of its own: whoever waited for the row must see what the one before wrote.
    let (last, previous): (i64, Vec<u8>) =
        sqlx::query_as("SELECT id, digest FROM audit_head FOR UPDATE").fetch_one(&mut **tx).await?;
    let mut entry = Entry {
        id: last + 1,
        at: now.trunc_subsecs(6),
        actor: actor.to_owned(),
        action: action.to_owned(),
        object: object.to_owned(),
        details,
        previous: digest(&previous)?,
        digest: GENESIS,
    };
    entry.digest = entry.computed();
    sqlx::query(
        "WITH entry AS (INSERT INTO audit_log (id, at, actor, action, object, details, previous, digest)
                        VALUES ($1, $2, $3, $4, $5, $6::text::json, $7, $8))
         UPDATE audit_head SET id = $1, digest = $8",
    )
    .bind(entry.id)
    .bind(entry.at)
    .bind(&entry.actor)
    .bind(&entry.action)
    .bind(&entry.object)
    .bind(&entry.details)
    .bind(entry.previous.as_slice())
    .bind(entry.digest.as_slice())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// `details` with a vehicle's row in place of every VIN that one has.
///
/// # Errors
/// [`StoreError`].
pub async fn without_vins(tx: &mut Tx, mut details: String) -> Result<String, StoreError> {
    let vins = vin_like(&details);
    if vins.is_empty() {
        return Ok(details);
    }
    let known: Vec<(String, VehicleId)> =
        sqlx::query_as("SELECT vin, id FROM vehicles WHERE vin = ANY($1)").bind(vins).fetch_all(&mut **tx).await?;
    for (vin, id) in known {
        details = replace_word(&details, &vin, &vehicle(id));
    }
    Ok(details)
}

/// Which entries to look at.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub object: Option<String>,
    /// From this time on.
    pub since: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    at: DateTime<Utc>,
    actor: String,
    action: String,
    object: String,
    details: String,
    previous: Vec<u8>,
    digest: Vec<u8>,
}

/// `SELECT` with every column of an entry.
macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT id, at, actor, action, object, details::text AS details, previous, digest FROM audit_log ",
            $tail
        )
    };
}

impl TryFrom<Row> for Entry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            at: row.at,
            actor: row.actor,
            action: row.action,
            object: row.object,
            details: row.details,
            previous: digest(&row.previous)?,
            digest: digest(&row.digest)?,
        })
    }
}

fn digest(bytes: &[u8]) -> Result<Digest, StoreError> {
    bytes.try_into().map_err(|_| StoreError::inconsistent("audit_log", format!("a digest of {} bytes", bytes.len())))
}

/// Entries below `before` (all without it), newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn page(store: &Store, filter: &Filter, before: Option<i64>, limit: i64) -> Result<Vec<Entry>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE ($1::text IS NULL OR actor = $1) AND ($2::text IS NULL OR action = $2)
           AND ($3::text IS NULL OR object = $3) AND ($4::timestamptz IS NULL OR at >= $4)
           AND ($5::timestamptz IS NULL OR at < $5) AND ($6::bigint IS NULL OR id < $6)
         ORDER BY id DESC LIMIT $7"
    ))
    .bind(&filter.actor)
    .bind(&filter.action)
    .bind(&filter.object)
    .bind(filter.since)
    .bind(filter.until)
    .bind(before)
    .bind(limit)
    .fetch_all(store.pool())
    .await?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// The chain's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The newest entry; 0 before the first.
    pub id: i64,
    pub digest: Digest,
}

/// The chain's end, to be kept where nobody who can write the database can.
///
/// # Errors
/// [`StoreError`].
pub async fn head(store: &Store) -> Result<Head, StoreError> {
    let (id, bytes): (i64, Vec<u8>) =
        sqlx::query_as("SELECT id, digest FROM audit_head").fetch_one(store.pool()).await?;
    Ok(Head { id, digest: digest(&bytes)? })
}

/// What a walk along the whole chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The last entry that is right; 0 when none is.
    pub last: i64,
    pub digest: Digest,
    /// Why the walk ended there, if the log does not.
    pub broken: Option<Break>,
}

/// Walks the chain from its first entry, as of one moment. `anchors` are digests that were kept elsewhere.
///
/// # Errors
/// [`StoreError`].
pub async fn verify(store: &Store, anchors: BTreeMap<i64, Digest>) -> Result<Verified, StoreError> {
    let mut tx = store.begin_reading().await?;
    let mut walk = Walk::new(anchors);
    let mut after = i64::MIN;
    loop {
        let rows: Vec<Row> = sqlx::query_as(select!("WHERE id > $1 ORDER BY id LIMIT $2"))
            .bind(after)
            .bind(BATCH)
            .fetch_all(&mut *tx)
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        for row in rows {
            if let Err(broken) = walk.step(&Entry::try_from(row)?) {
                return Ok(found(&walk, Some(broken)));
            }
        }
    }
    let head: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT id, digest FROM audit_head").fetch_optional(&mut *tx).await?;
    let (id, head) = match head {
        Some((id, bytes)) => (id, digest(&bytes)?),
        None => (0, GENESIS),
    };
    Ok(found(&walk, walk.end(id, &head).err()))
}

fn found(walk: &Walk, broken: Option<Break>) -> Verified {
    Verified { last: walk.last(), digest: walk.digest(), broken }
}
