//! Which ciphertexts belong into a model's targets. What is in the targets follows from what is here, whoever wrote them last.

use chrono::{DateTime, Utc};
use otaru_domain::id::{HardwareId, ModelId, ReleaseId, Sha256};
use otaru_domain::requirement::Requirement;
use sqlx::FromRow;
use sqlx::types::Json;

use super::{TABLE, sha256};
use crate::campaigns::unsigned;
use crate::{Store, StoreError, Tx};

/// An encrypted image that a model's targets should list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub release: ReleaseId,
    pub release_counter: u64,
    pub hardware_id: HardwareId,
    pub target_name: String,
    pub version: String,
    pub requires: Vec<Requirement>,
    pub plain: (Sha256, u64),
    pub ciphertext: (Sha256, u64),
}

#[derive(FromRow)]
struct Row {
    release_id: i64,
    release_counter: i64,
    hardware_id: String,
    target_name: String,
    version: String,
    requires: Json<Vec<Requirement>>,
    plain_sha256: String,
    plain_bytes: i64,
    sha256: String,
    length_bytes: i64,
}

impl TryFrom<Row> for Listed {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            release: row.release_id,
            release_counter: unsigned("releases", row.release_counter)?,
            hardware_id: row.hardware_id.parse().map_err(|error| StoreError::inconsistent(TABLE, error))?,
            target_name: row.target_name,
            version: row.version,
            requires: row.requires.0,
            plain: (sha256(&row.plain_sha256)?, unsigned("artifacts", row.plain_bytes)?),
            ciphertext: (sha256(&row.sha256)?, unsigned("artifacts", row.length_bytes)?),
        })
    }
}

/// The encrypted images of all locked releases of `model` of which everything is encrypted. Whoever writes the targets by
/// this holds the model's lock, which a recall needs, too.
///
/// # Errors
/// [`StoreError`].
pub async fn listed(tx: &mut Tx, model: &ModelId) -> Result<Vec<Listed>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT c.release_id, r.release_counter, i.hardware_id, i.target_name, i.version, i.requires, c.plain_sha256,
                p.length_bytes AS plain_bytes, c.sha256, a.length_bytes
           FROM release_ciphertexts c
           JOIN releases r ON r.id = c.release_id AND r.state = 'locked'
           JOIN release_images i ON i.release_id = c.release_id AND i.sha256 = c.plain_sha256
           JOIN artifacts p ON p.sha256 = c.plain_sha256
           JOIN artifacts a ON a.sha256 = c.sha256
          WHERE c.model_id = $1
            AND NOT EXISTS (SELECT FROM release_ciphertexts o
                             WHERE o.release_id = c.release_id AND o.model_id = c.model_id AND o.state <> 'encrypted')
          ORDER BY c.release_id, i.hardware_id",
    )
    .bind(model.as_str())
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Listed::try_from).collect()
}

/// The releases with a model for which everything is encrypted and nothing is published yet, with the artifacts that are
/// encrypted.
///
/// # Errors
/// [`StoreError`].
pub async fn due(store: &Store, now: DateTime<Utc>) -> Result<Vec<(ReleaseId, ModelId, Vec<Sha256>)>, StoreError> {
    let rows: Vec<(i64, String, Vec<String>)> = sqlx::query_as(
        "SELECT c.release_id, c.model_id, array_agg(c.plain_sha256 ORDER BY c.plain_sha256)
           FROM release_ciphertexts c JOIN releases r ON r.id = c.release_id AND r.state = 'locked'
          GROUP BY c.release_id, c.model_id
         HAVING bool_and(c.state = 'encrypted') AND bool_or(c.published_at IS NULL)
            AND bool_and(c.not_before IS NULL OR c.not_before <= $1)
          ORDER BY c.release_id, c.model_id",
    )
    .bind(now)
    .fetch_all(store.pool())
    .await?;
    rows.into_iter()
        .map(|(release, model, plain)| {
            let model = ModelId::parse(&model).map_err(|error| StoreError::inconsistent(TABLE, error))?;
            Ok((release, model, plain.iter().map(|text| sha256(text)).collect::<Result<_, _>>()?))
        })
        .collect()
}

/// Notes that a release is in the targets of a model.
///
/// # Errors
/// [`StoreError`].
pub async fn set_published(
    tx: &mut Tx,
    release: ReleaseId,
    model: &ModelId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE release_ciphertexts SET published_at = $3, not_before = NULL, error = NULL
          WHERE release_id = $1 AND model_id = $2 AND state = 'encrypted' AND published_at IS NULL",
    )
    .bind(release)
    .bind(model.as_str())
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes why a release is not published, and when that is tried again.
///
/// # Errors
/// [`StoreError`].
pub async fn hold_back(
    tx: &mut Tx,
    release: ReleaseId,
    model: &ModelId,
    error: &str,
    not_before: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE release_ciphertexts SET error = $3, not_before = $4
          WHERE release_id = $1 AND model_id = $2 AND published_at IS NULL",
    )
    .bind(release)
    .bind(model.as_str())
    .bind(error)
    .bind(not_before)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
