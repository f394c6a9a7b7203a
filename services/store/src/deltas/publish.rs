//! Which deltas belong into the targets of which models. What is in the targets follows from what is here, whoever wrote
//! them last.

use chrono::{DateTime, Utc};
use otaru_domain::delta::Algorithm;
use otaru_domain::id::{ModelId, ReleaseId, Sha256};
use sqlx::FromRow;

use super::{TABLE, algorithm, sha256};
use crate::campaigns::unsigned;
use crate::{Store, StoreError, Tx};

/// A delta that a model's targets should list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub release: ReleaseId,
    pub release_counter: u64,
    /// The image's name among the targets.
    pub image: String,
    pub version: String,
    pub source: Option<Sha256>,
    pub algorithm: Algorithm,
    pub sha256: Sha256,
    pub length_bytes: u64,
}

#[derive(FromRow)]
struct Row {
    release_id: i64,
    release_counter: i64,
    target_name: String,
    version: String,
    source_sha256: Option<String>,
    algorithm: String,
    sha256: String,
    length_bytes: i64,
}

impl TryFrom<Row> for Listed {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let delta = sha256(Some(&row.sha256))?;
        Ok(Self {
            release: row.release_id,
            release_counter: unsigned("releases", row.release_counter)?,
            image: row.target_name,
            version: row.version,
            source: sha256(row.source_sha256.as_deref())?,
            algorithm: algorithm(&row.algorithm)?,
            sha256: delta.ok_or_else(|| StoreError::inconsistent(TABLE, "no hash"))?,
            length_bytes: unsigned(TABLE, row.length_bytes)?,
        })
    }
}

/// `SELECT` of deltas that were built.
macro_rules! select {
    ($($tail:literal),+) => {
        concat!(
            "SELECT d.release_id, r.release_counter, i.target_name, i.version, d.source_sha256, d.algorithm, d.sha256, ",
            "d.length_bytes FROM release_deltas d JOIN releases r ON r.id = d.release_id AND d.state = 'built' ",
            "JOIN release_images i ON i.release_id = d.release_id AND i.hardware_id = d.hardware_id ",
            $($tail),+
        )
    };
}

/// The deltas that were built of a release.
///
/// # Errors
/// [`StoreError`].
pub async fn built_of(tx: &mut Tx, release: ReleaseId) -> Result<Vec<Listed>, StoreError> {
    let rows: Vec<Row> =
        sqlx::query_as(select!("WHERE d.release_id = $1 ORDER BY d.id")).bind(release).fetch_all(&mut **tx).await?;
    rows.into_iter().map(Listed::try_from).collect()
}

/// The deltas of all locked releases of `model` that it has as they are: a delta would show what is encrypted. Whoever writes the targets by this holds the model's lock, which a recall
/// needs, too.
///
/// # Errors
/// [`StoreError`].
pub async fn listed(tx: &mut Tx, model: &ModelId) -> Result<Vec<Listed>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "JOIN release_models m ON m.release_id = d.release_id AND m.model_id = $1 WHERE r.state = 'locked' ",
        "AND NOT EXISTS (SELECT FROM release_ciphertexts c WHERE c.release_id = m.release_id AND c.model_id = m.model_id) ",
        "ORDER BY d.id"
    ))
    .bind(model.as_str())
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Listed::try_from).collect()
}

/// The releases with deltas to publish and none that may still come soon: each change of a model's targets voids the draft
/// that an approver may have on the desk, so there is one for all of them. What failed once and is tried again later does not
/// hold up the others. With the models that have a repository.
///
/// # Errors
/// [`StoreError`].
pub async fn publish_due(store: &Store, now: DateTime<Utc>) -> Result<Vec<(ReleaseId, Vec<ModelId>)>, StoreError> {
    let rows: Vec<(i64, Vec<String>)> = sqlx::query_as(
        "SELECT r.id, array(SELECT m.model_id FROM release_models m
                              JOIN models ON models.id = m.model_id AND models.retired_at IS NULL
                              JOIN manifest_files f ON f.model_id = m.model_id AND f.role = 'timestamp'
                             WHERE m.release_id = r.id ORDER BY m.model_id)
           FROM releases r
          WHERE r.state = 'locked' AND r.deltas_planned_at IS NOT NULL
            AND EXISTS (SELECT FROM release_deltas d
                         WHERE d.release_id = r.id AND d.state = 'built' AND d.published_at IS NULL
                           AND (d.not_before IS NULL OR d.not_before <= $1))
            AND NOT EXISTS (SELECT FROM release_deltas d
                             WHERE d.release_id = r.id AND d.state IN ('queued', 'building') AND d.error IS NULL)
          ORDER BY r.id",
    )
    .bind(now)
    .fetch_all(store.pool())
    .await?;
    let models = |models: Vec<String>| models.iter().map(|model| ModelId::parse(model)).collect::<Result<_, _>>();
    rows.into_iter()
        .map(|(id, names)| {
            let models = models(names).map_err(|error| StoreError::inconsistent("models", error))?;
            Ok((id, models))
        })
        .collect()
}

/// Notes that the deltas of a release are in the targets of all its models; how many.
///
/// # Errors
/// [`StoreError`].
pub async fn set_published(tx: &mut Tx, release: ReleaseId, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let published = sqlx::query(
        "UPDATE release_deltas SET published_at = $2, not_before = NULL, error = NULL
          WHERE release_id = $1 AND state = 'built' AND published_at IS NULL",
    )
    .bind(release)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(published.rows_affected())
}

/// Notes why the deltas of a release are not published, and when that is tried again.
///
/// # Errors
/// [`StoreError`].
pub async fn hold_back(
    tx: &mut Tx,
    release: ReleaseId,
    error: &str,
    not_before: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE release_deltas SET error = $2, not_before = $3
          WHERE release_id = $1 AND state = 'built' AND published_at IS NULL",
    )
    .bind(release)
    .bind(error)
    .bind(not_before)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes from a release that was recalled what is still to be built.
///
/// # Errors
/// [`StoreError`].
pub async fn withdraw(tx: &mut Tx, release: ReleaseId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM release_deltas WHERE release_id = $1 AND state IN ('queued', 'building')")
        .bind(release)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
