//! What is to be built. A row is taken in a transaction of its own, before the work: one that kills the process is counted,
//! and whoever leads next comes to what was never tried first.

use chrono::{DateTime, Utc};
use otaru_domain::delta::Algorithm;
use otaru_domain::id::{HardwareId, ReleaseId, Sha256};
use sqlx::FromRow;

use super::{TABLE, algorithm, column, count, hardware_id, sha256};
use crate::campaigns::unsigned;
use crate::{Store, StoreError, Tx};

/// A delta to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: i64,
    pub release: ReleaseId,
    pub hardware_id: HardwareId,
    pub image: (Sha256, u64),
    /// With its length; none for the compressed whole.
    pub source: Option<(Sha256, u64)>,
    /// How often it was begun, this time included.
    pub attempts: u32,
    /// What the image compresses to without a source, if that is known.
    pub plain_bytes: Option<u64>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub algorithm: Algorithm,
    pub length_bytes: u64,
    pub build_ms: u64,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    release_id: i64,
    hardware_id: String,
    image_sha256: String,
    image_bytes: i64,
    source_sha256: Option<String>,
    source_bytes: Option<i64>,
    attempts: i32,
    plain_bytes: Option<i64>,
}

impl TryFrom<Row> for Job {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let image = sha256(Some(&row.image_sha256))?;
        let image = image.ok_or_else(|| StoreError::inconsistent("release_images", "no hash"))?;
        Ok(Self {
            id: row.id,
            release: row.release_id,
            hardware_id: hardware_id(&row.hardware_id)?,
            image: (image, unsigned("artifacts", row.image_bytes)?),
            source: sha256(row.source_sha256.as_deref())?.zip(count(row.source_bytes)?),
            attempts: u32::try_from(row.attempts).map_err(|error| StoreError::inconsistent(TABLE, error))?,
            plain_bytes: count(row.plain_bytes)?,
        })
    }
}

/// Takes what is to be built next: what was begun least often, then what is there longest.
///
/// # Errors
/// [`StoreError`].
pub async fn claim(tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<Job>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "WITH taken AS (
             UPDATE release_deltas SET state = 'building', attempts = attempts + 1
              WHERE id = (SELECT d.id FROM release_deltas d
                            JOIN releases r ON r.id = d.release_id AND r.state = 'locked'
                           WHERE d.state IN ('queued', 'building') AND (d.not_before IS NULL OR d.not_before <= $1)
                           ORDER BY d.attempts, d.id LIMIT 1 FOR UPDATE OF d SKIP LOCKED)
             RETURNING id, release_id, hardware_id, source_sha256, attempts)
         SELECT t.id, t.release_id, t.hardware_id, t.source_sha256, t.attempts, i.sha256 AS image_sha256,
                a.length_bytes AS image_bytes, s.length_bytes AS source_bytes, p.length_bytes AS plain_bytes
           FROM taken t
           JOIN release_images i USING (release_id, hardware_id)
           JOIN artifacts a ON a.sha256 = i.sha256
           LEFT JOIN artifacts s ON s.sha256 = t.source_sha256
           LEFT JOIN release_deltas p ON p.release_id = t.release_id AND p.hardware_id = t.hardware_id
                 AND p.source_sha256 IS NULL AND p.state IN ('built', 'not_worth_it')",
    )
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?;
    row.map(Job::try_from).transpose()
}

/// What another release has of the same pair of images: the delta, with what making it took.
///
/// # Errors
/// [`StoreError`].
pub async fn same_pair(store: &Store, job: &Job) -> Result<Option<(Sha256, Made)>, StoreError> {
    let found: Option<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT d.sha256, d.algorithm, d.length_bytes, coalesce(d.build_ms, 0)
           FROM release_deltas d JOIN release_images i USING (release_id, hardware_id)
          WHERE i.sha256 = $1 AND d.source_sha256 IS NOT DISTINCT FROM $2 AND d.state = 'built' AND d.id <> $3
          ORDER BY d.id DESC LIMIT 1",
    )
    .bind(job.image.0.as_str())
    .bind(job.source.as_ref().map(|(sha256, _)| sha256.as_str()))
    .bind(job.id)
    .fetch_optional(store.pool())
    .await?;
    let Some((delta, by, length, build_ms)) = found else { return Ok(None) };
    let delta = sha256(Some(&delta))?.ok_or_else(|| StoreError::inconsistent(TABLE, "no hash"))?;
    let made = Made {
        algorithm: algorithm(&by)?,
        length_bytes: unsigned(TABLE, length)?,
        build_ms: unsigned(TABLE, build_ms)?,
    };
    Ok(Some((delta, made)))
}

/// Notes a delta whose artifact is known. One that was withdrawn meanwhile stays so.
///
/// # Errors
/// [`StoreError`].
pub async fn built(tx: &mut Tx, job: &Job, made: &Made, delta: &Sha256, now: DateTime<Utc>) -> Result<(), StoreError> {
    finish(tx, job, "built", Some(made), Some(delta), None, now).await
}

/// Notes that the delta would save too little.
///
/// # Errors
/// [`StoreError`].
pub async fn not_worth_it(tx: &mut Tx, job: &Job, made: &Made, now: DateTime<Utc>) -> Result<(), StoreError> {
    finish(tx, job, "not_worth_it", Some(made), None, None, now).await
}

/// Gives a delta up.
///
/// # Errors
/// [`StoreError`].
pub async fn failed(tx: &mut Tx, job: &Job, error: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    finish(tx, job, "failed", None, None, Some(error), now).await
}

async fn finish(
    tx: &mut Tx,
    job: &Job,
    state: &str,
    made: Option<&Made>,
    delta: Option<&Sha256>,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE release_deltas
            SET state = $2, algorithm = $3, length_bytes = $4, sha256 = $5, build_ms = $6, error = $7, finished_at = $8,
                not_before = NULL, published_at = NULL
          WHERE id = $1 AND state = 'building'",
    )
    .bind(job.id)
    .bind(state)
    .bind(made.map(|made| made.algorithm.as_str()))
    .bind(made.map(|made| column(made.length_bytes)).transpose()?)
    .bind(delta.map(Sha256::as_str))
    .bind(made.map(|made| column(made.build_ms)).transpose()?)
    .bind(error)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Has it tried again later.
///
/// # Errors
/// [`StoreError`].
pub async fn retry(tx: &mut Tx, job: &Job, error: &str, not_before: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE release_deltas SET state = 'queued', error = $2, not_before = $3 WHERE id = $1 AND state = 'building'",
    )
    .bind(job.id)
    .bind(error)
    .bind(not_before)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Puts one back that was not tried to its end, and does not count the try.
///
/// # Errors
/// [`StoreError`].
pub async fn put_back(tx: &mut Tx, job: &Job) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE release_deltas SET state = 'queued', attempts = attempts - 1 WHERE id = $1 AND state = 'building'",
    )
    .bind(job.id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
