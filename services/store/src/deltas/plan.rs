//! Against which images the deltas of a release are made: those that most of its vehicles run, and the ones before. What
//! vehicles tell of themselves are versions; which image a version is, the releases before say.

use chrono::{DateTime, Utc};
use otaru_domain::id::{HardwareId, ReleaseId, Sha256};
use sqlx::FromRow;

use super::{hardware_id, sha256};
use crate::campaigns::unsigned;
use crate::{Store, StoreError, Tx};

/// An image that vehicles may run where the release brings another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub hardware_id: HardwareId,
    pub sha256: Sha256,
    pub version: String,
    /// How many vehicles of the release's models run this version.
    pub vehicles: u64,
    /// Of the release that brought it last: it rises with every lock.
    pub release_counter: i64,
}

/// An image of a release with an image to come from and its version, if that is known; none for the compressed whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub hardware_id: HardwareId,
    pub source: Option<(Sha256, Option<String>)>,
}

#[derive(FromRow)]
struct Row {
    hardware_id: String,
    sha256: String,
    version: String,
    vehicles: i64,
    release_counter: i64,
}

impl TryFrom<Row> for Candidate {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let sha256 = sha256(Some(&row.sha256))?;
        Ok(Self {
            hardware_id: hardware_id(&row.hardware_id)?,
            sha256: sha256.ok_or_else(|| StoreError::inconsistent("release_images", "no hash"))?,
            version: row.version,
            vehicles: unsigned("vehicles", row.vehicles)?,
            release_counter: row.release_counter,
        })
    }
}

/// The locked releases for which it was not decided yet, the oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn unplanned(store: &Store) -> Result<Vec<ReleaseId>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM releases WHERE state = 'locked' AND deltas_planned_at IS NULL ORDER BY id")
        .fetch_all(store.pool())
        .await?)
}

/// What vehicles may run where `release` brings another image, by ECU and what most run first: images of releases that were
/// locked before it, for no vehicle goes to a lower counter. It reads what every ECU of the release's models runs: some
/// seconds for millions of them.
///
/// # Errors
/// [`StoreError`].
pub async fn candidates(store: &Store, release: ReleaseId) -> Result<Vec<Candidate>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "WITH images AS (SELECT hardware_id, sha256 FROM release_images WHERE release_id = $1),
              fleet AS (
                  SELECT e.hardware_id, e.version, count(*) AS vehicles
                    FROM release_models m
                    JOIN vehicles v ON v.model_id = m.model_id AND v.retired_at IS NULL
                    JOIN vehicle_ecus e ON e.vehicle_id = v.id
                    JOIN images i ON i.hardware_id = e.hardware_id
                   WHERE m.release_id = $1
                   GROUP BY 1, 2),
              known AS (
                  SELECT o.hardware_id, o.version, o.sha256, max(r.release_counter) AS release_counter
                    FROM release_images o
                    JOIN releases r ON r.id = o.release_id
                     AND r.release_counter < (SELECT release_counter FROM releases WHERE id = $1)
                    JOIN images i ON i.hardware_id = o.hardware_id AND i.sha256 <> o.sha256
                   WHERE EXISTS (SELECT FROM release_models a JOIN release_models b USING (model_id)
                                  WHERE a.release_id = o.release_id AND b.release_id = $1)
                   GROUP BY 1, 2, 3)
         SELECT hardware_id, sha256, version, coalesce(vehicles, 0) AS vehicles, release_counter
           FROM known LEFT JOIN fleet USING (hardware_id, version)
          ORDER BY hardware_id, vehicles DESC, release_counter DESC, sha256",
    )
    .bind(release)
    .fetch_all(store.pool())
    .await?;
    rows.into_iter().map(Candidate::try_from).collect()
}

/// The images that releases of the same models brought to an ECU under a version; none is the one that `release` brings.
///
/// # Errors
/// [`StoreError`].
pub async fn known_sources(
    tx: &mut Tx,
    release: ReleaseId,
    hardware_id: &HardwareId,
    version: &str,
) -> Result<Vec<Sha256>, StoreError> {
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT o.sha256
           FROM release_images o
           JOIN releases r ON r.id = o.release_id AND r.state <> 'draft'
           JOIN release_images i ON i.release_id = $1 AND i.hardware_id = o.hardware_id AND i.sha256 <> o.sha256
          WHERE o.hardware_id = $2 AND o.version = $3
            AND EXISTS (SELECT FROM release_models a JOIN release_models b USING (model_id)
                         WHERE a.release_id = o.release_id AND b.release_id = $1)",
    )
    .bind(release)
    .bind(hardware_id.as_str())
    .bind(version)
    .fetch_all(&mut **tx)
    .await?;
    let parse = |text: String| Sha256::parse(&text).map_err(|error| StoreError::inconsistent("release_images", error));
    found.into_iter().map(parse).collect()
}

/// Queues pairs of `release` that are not known yet, and notes that it was decided. A release that is not locked any more gets
/// none.
///
/// # Errors
/// [`StoreError`].
pub async fn plan(
    tx: &mut Tx,
    release: ReleaseId,
    pairs: &[Pair],
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let planned = sqlx::query("UPDATE releases SET deltas_planned_at = $2 WHERE id = $1 AND state = 'locked'")
        .bind(release)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    if planned.rows_affected() == 0 {
        return Ok(());
    }
    insert(tx, release, pairs, by, now, false).await
}

/// Queues pairs that somebody asked for, also those that were built or given up before.
///
/// # Errors
/// [`StoreError`].
pub async fn request(
    tx: &mut Tx,
    release: ReleaseId,
    pairs: &[Pair],
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    insert(tx, release, pairs, by, now, true).await
}

async fn insert(
    tx: &mut Tx,
    release: ReleaseId,
    pairs: &[Pair],
    by: &str,
    now: DateTime<Utc>,
    again: bool,
) -> Result<(), StoreError> {
    let source = |pair: &Pair| pair.source.clone().map(|(sha256, _)| sha256.to_string());
    let version = |pair: &Pair| pair.source.clone().and_then(|(_, version)| version);
    sqlx::query(
        "INSERT INTO release_deltas AS known
                (release_id, hardware_id, source_sha256, source_version, requested_by, requested_at)
         SELECT $1, p.hardware_id, p.source_sha256, p.source_version, $5, $6
           FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY
             AS p (hardware_id, source_sha256, source_version, position)
          ORDER BY p.position
         ON CONFLICT (release_id, hardware_id, coalesce(source_sha256, '')) DO UPDATE
            SET state = 'queued', attempts = 0, not_before = NULL, error = NULL, requested_by = EXCLUDED.requested_by,
                requested_at = EXCLUDED.requested_at, finished_at = NULL, published_at = NULL,
                source_version = EXCLUDED.source_version
          WHERE $7 AND known.state NOT IN ('queued', 'building')",
    )
    .bind(release)
    .bind(pairs.iter().map(|pair| pair.hardware_id.as_str()).collect::<Vec<_>>())
    .bind(pairs.iter().map(source).collect::<Vec<_>>())
    .bind(pairs.iter().map(version).collect::<Vec<_>>())
    .bind(by)
    .bind(now)
    .bind(again)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Has it decided anew what the fleet needs, and tries again what failed.
///
/// # Errors
/// [`StoreError`].
pub async fn plan_again(tx: &mut Tx, release: ReleaseId) -> Result<(), StoreError> {
    sqlx::query("UPDATE releases SET deltas_planned_at = NULL WHERE id = $1").bind(release).execute(&mut **tx).await?;
    sqlx::query(
        "UPDATE release_deltas SET state = 'queued', attempts = 0, not_before = NULL, error = NULL, finished_at = NULL
          WHERE release_id = $1 AND state = 'failed'",
    )
    .bind(release)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many deltas an image of a release has.
///
/// # Errors
/// [`StoreError`].
pub async fn known(tx: &mut Tx, release: ReleaseId, hardware_id: &HardwareId) -> Result<i64, StoreError> {
    let known = sqlx::query_scalar("SELECT count(*) FROM release_deltas WHERE release_id = $1 AND hardware_id = $2");
    Ok(known.bind(release).bind(hardware_id.as_str()).fetch_one(&mut **tx).await?)
}
