//! What is known of the files in the object store.

use chrono::{DateTime, Utc};
use otaru_domain::id::Sha256;
use sqlx::FromRow;

use crate::objects::Digests;
use crate::{Store, StoreError, Tx};

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    pub digests: Digests,
    /// The name it was first uploaded under.
    pub file_name: String,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
}

#[derive(FromRow)]
struct Row {
    sha256: String,
    sha1: String,
    md5: String,
    length_bytes: i64,
    file_name: String,
    created_at: DateTime<Utc>,
    created_by: String,
}

impl TryFrom<Row> for Artifact {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            digests: Digests {
                sha256: row.sha256.parse().map_err(|error| StoreError::inconsistent("artifacts", error))?,
                sha1: row.sha1,
                md5: row.md5,
                length_bytes: u64::try_from(row.length_bytes)
                    .map_err(|error| StoreError::inconsistent("artifacts", error))?,
            },
            file_name: row.file_name,
            created_at: row.created_at,
            created_by: row.created_by,
        })
    }
}

/// `SELECT` with every column of an artifact.
macro_rules! select {
    ($tail:literal) => {
        concat!("SELECT sha256, sha1, md5, length_bytes, file_name, created_at, created_by FROM artifacts ", $tail)
    };
}

/// Notes an artifact that is in the object store; false when it was known already.
///
/// # Errors
/// [`StoreError`].
pub async fn create(
    tx: &mut Tx,
    digests: &Digests,
    file_name: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let length = i64::try_from(digests.length_bytes).map_err(|error| StoreError::inconsistent("artifacts", error))?;
    let created = sqlx::query(
        "INSERT INTO artifacts (sha256, sha1, md5, length_bytes, file_name, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (sha256) DO NOTHING",
    )
    .bind(digests.sha256.as_str())
    .bind(&digests.sha1)
    .bind(&digests.md5)
    .bind(length)
    .bind(file_name)
    .bind(now)
    .bind(by)
    .execute(&mut **tx)
    .await?;
    Ok(created.rows_affected() == 1)
}

/// Whether an artifact is withheld; none where it is not known. It stays so until the transaction ends.
///
/// # Errors
/// [`StoreError`].
pub async fn is_withheld(tx: &mut Tx, sha256: &Sha256) -> Result<Option<bool>, StoreError> {
    Ok(sqlx::query_scalar("SELECT withheld_at IS NOT NULL FROM artifacts WHERE sha256 = $1 FOR NO KEY UPDATE")
        .bind(sha256.as_str())
        .fetch_optional(&mut **tx)
        .await?)
}

/// Whether a locked release has the artifact in a model's targets as it is: as an image, or as a delta.
///
/// # Errors
/// [`StoreError`].
pub async fn is_listed(tx: &mut Tx, sha256: &Sha256) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (
             SELECT FROM (SELECT release_id FROM release_images WHERE sha256 = $1
                          UNION ALL SELECT release_id FROM release_deltas WHERE sha256 = $1) AS of
               JOIN releases r ON r.id = of.release_id AND r.state = 'locked'
               JOIN release_models m ON m.release_id = of.release_id
              WHERE NOT EXISTS (SELECT FROM release_ciphertexts c
                                 WHERE c.release_id = m.release_id AND c.model_id = m.model_id))",
    )
    .bind(sha256.as_str())
    .fetch_one(&mut **tx)
    .await?)
}

/// Notes that an artifact is withheld from now on, or (`None`) not any more.
///
/// # Errors
/// [`StoreError`].
pub async fn set_withheld(tx: &mut Tx, sha256: &Sha256, since: Option<DateTime<Utc>>) -> Result<(), StoreError> {
    sqlx::query("UPDATE artifacts SET withheld_at = $2 WHERE sha256 = $1")
        .bind(sha256.as_str())
        .bind(since)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The artifact.
///
/// # Errors
/// [`StoreError`].
pub async fn get(store: &Store, sha256: &Sha256) -> Result<Option<Artifact>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE sha256 = $1")).bind(sha256.as_str()).fetch_optional(store.pool()).await?;
    row.map(Artifact::try_from).transpose()
}

/// Those of `hashes` that exist.
///
/// # Errors
/// [`StoreError`].
pub async fn get_all(store: &Store, hashes: &[&Sha256]) -> Result<Vec<Artifact>, StoreError> {
    let hashes: Vec<&str> = hashes.iter().map(|sha256| sha256.as_str()).collect();
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE sha256 = ANY($1)")).bind(hashes).fetch_all(store.pool()).await?;
    rows.into_iter().map(Artifact::try_from).collect()
}

/// Artifacts by hash after `after`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, after: Option<&str>, limit: i64) -> Result<Vec<Artifact>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE $1::text IS NULL OR sha256 > $1 ORDER BY sha256 LIMIT $2"))
        .bind(after)
        .bind(limit)
        .fetch_all(store.pool())
        .await?;
    rows.into_iter().map(Artifact::try_from).collect()
}
