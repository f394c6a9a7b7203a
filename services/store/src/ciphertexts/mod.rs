//! Encrypted images: for whom a model's are encrypted, the queue of what is to be, and what belongs into its targets. What
//! a release is encrypted for is fixed when it is locked; a model without rows of a release has it as it is.

mod publish;
mod queue;

pub use publish::{Listed, due, hold_back, listed, set_published};
pub use queue::{Job, claim, encrypted, enqueue, put_back, retry, same};

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::age::{CiphertextState, Recipient};
use otaru_domain::id::{HardwareId, ModelId, ReleaseId, Sha256};
use sqlx::FromRow;

use crate::campaigns::unsigned;
use crate::{Store, StoreError, Tx};

const TABLE: &str = "release_ciphertexts";

fn sha256(text: &str) -> Result<Sha256, StoreError> {
    Sha256::parse(text).map_err(|error| StoreError::inconsistent(TABLE, error))
}

pub(crate) fn recipients(texts: &[String]) -> Result<Vec<Recipient>, StoreError> {
    let parse = |text: &String| Recipient::parse(text).map_err(|error| StoreError::inconsistent("models", error));
    texts.iter().map(parse).collect()
}

fn texts(recipients: &[Recipient]) -> Vec<String> {
    let mut texts: Vec<String> = recipients.iter().map(Recipient::to_string).collect();
    texts.sort();
    texts
}

/// Says for whom the images of a model are encrypted from now on; false when there is no such model.
///
/// # Errors
/// [`StoreError`].
pub async fn set_recipients(tx: &mut Tx, model: &ModelId, recipients: &[Recipient]) -> Result<bool, StoreError> {
    let changed = sqlx::query("UPDATE models SET age_recipients = $2 WHERE id = $1")
        .bind(model.as_str())
        .bind(texts(recipients))
        .execute(&mut **tx)
        .await?;
    Ok(changed.rows_affected() == 1)
}

/// Those of `models` that have their images encrypted, and for whom; it stays so until the transaction ends. Locks them by
/// rising id, as whoever loads their repositories does.
///
/// # Errors
/// [`StoreError`].
pub async fn recipients_of(tx: &mut Tx, models: &[ModelId]) -> Result<BTreeMap<ModelId, Vec<Recipient>>, StoreError> {
    let rows: Vec<(String, Vec<String>)> =
        sqlx::query_as("SELECT id, age_recipients FROM models WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE")
            .bind(models.iter().map(ModelId::as_str).collect::<Vec<_>>())
            .fetch_all(&mut **tx)
            .await?;
    let rows = rows.into_iter().filter(|(_, texts)| !texts.is_empty());
    let row = |(model, texts): (String, Vec<String>)| {
        let model = ModelId::parse(&model).map_err(|error| StoreError::inconsistent("models", error))?;
        Ok((model, recipients(&texts)?))
    };
    rows.map(row).collect()
}

/// How a locked release stands with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its images are in the targets as they are, and the model has them so.
    Plain,
    /// The same, though the model has had its images encrypted since.
    Unencrypted,
    /// It is encrypted, and not all of it is in the targets yet.
    Waits,
    /// It is encrypted and in the targets.
    Published,
}

/// How `release` stands with `model`.
///
/// # Errors
/// [`StoreError`].
pub async fn standing(tx: &mut Tx, release: ReleaseId, model: &ModelId) -> Result<Standing, StoreError> {
    let (all, waiting, has_recipients): (i64, i64, bool) = sqlx::query_as(
        "SELECT count(c.id), count(c.id) FILTER (WHERE c.published_at IS NULL), cardinality(m.age_recipients) > 0
           FROM models m LEFT JOIN release_ciphertexts c ON c.model_id = m.id AND c.release_id = $1
          WHERE m.id = $2 GROUP BY m.id",
    )
    .bind(release)
    .bind(model.as_str())
    .fetch_one(&mut **tx)
    .await?;
    Ok(match (all, waiting, has_recipients) {
        (0, _, false) => Standing::Plain,
        (0, _, true) => Standing::Unencrypted,
        (_, 0, _) => Standing::Published,
        _ => Standing::Waits,
    })
}

/// The locked releases of a model whose images are in its targets as they are.
///
/// # Errors
/// [`StoreError`].
pub async fn plain_releases(store: &Store, model: &ModelId) -> Result<Vec<ReleaseId>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT r.id FROM releases r JOIN release_models m ON m.release_id = r.id AND m.model_id = $1
          WHERE r.state = 'locked'
            AND NOT EXISTS (SELECT FROM release_ciphertexts c WHERE c.release_id = r.id AND c.model_id = m.model_id)
          ORDER BY r.id",
    )
    .bind(model.as_str())
    .fetch_all(store.pool())
    .await?)
}

/// The models that have a release encrypted, and whether those are all of its models.
///
/// # Errors
/// [`StoreError`].
pub async fn models_of(store: &Store, release: ReleaseId) -> Result<(Vec<ModelId>, bool), StoreError> {
    let rows: Vec<(String, bool)> = sqlx::query_as(
        "SELECT m.model_id, EXISTS (SELECT FROM release_ciphertexts c
                                     WHERE c.release_id = m.release_id AND c.model_id = m.model_id)
           FROM release_models m WHERE m.release_id = $1 ORDER BY m.model_id",
    )
    .bind(release)
    .fetch_all(store.pool())
    .await?;
    let all = !rows.is_empty() && rows.iter().all(|(_, is_encrypted)| *is_encrypted);
    let encrypted = rows.into_iter().filter(|(_, is_encrypted)| *is_encrypted).map(|(model, _)| model);
    Ok((crate::campaigns::parse_models(&encrypted.collect::<Vec<_>>())?, all))
}

/// An image of a release, encrypted for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ciphertext {
    pub model: ModelId,
    pub hardware_id: HardwareId,
    pub plain_sha256: Sha256,
    pub recipients: Vec<String>,
    pub state: CiphertextState,
    pub attempts: u32,
    pub sha256: Option<Sha256>,
    pub length_bytes: Option<u64>,
    pub error: Option<String>,
    pub requested_at: DateTime<Utc>,
    pub encrypted_at: Option<DateTime<Utc>>,
    pub published_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    model_id: String,
    hardware_id: String,
    plain_sha256: String,
    recipients: Vec<String>,
    state: String,
    attempts: i32,
    sha256: Option<String>,
    length_bytes: Option<i64>,
    error: Option<String>,
    requested_at: DateTime<Utc>,
    encrypted_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Ciphertext {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = CiphertextState::parse(&row.state);
        Ok(Self {
            model: row.model_id.parse().map_err(|error| StoreError::inconsistent(TABLE, error))?,
            hardware_id: row.hardware_id.parse().map_err(|error| StoreError::inconsistent(TABLE, error))?,
            plain_sha256: sha256(&row.plain_sha256)?,
            recipients: row.recipients,
            state: state.ok_or_else(|| StoreError::inconsistent(TABLE, format!("state {:?}", row.state)))?,
            attempts: u32::try_from(row.attempts).map_err(|error| StoreError::inconsistent(TABLE, error))?,
            sha256: row.sha256.as_deref().map(sha256).transpose()?,
            length_bytes: row.length_bytes.map(|bytes| unsigned("artifacts", bytes)).transpose()?,
            error: row.error,
            requested_at: row.requested_at,
            encrypted_at: row.encrypted_at,
            published_at: row.published_at,
        })
    }
}

/// The encrypted images of a release, by model and hardware id.
///
/// # Errors
/// [`StoreError`].
pub async fn of_release(store: &Store, release: ReleaseId) -> Result<Vec<Ciphertext>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT c.model_id, i.hardware_id, c.plain_sha256, c.recipients, c.state, c.attempts, c.sha256, a.length_bytes,
                c.error, c.requested_at, c.encrypted_at, c.published_at
           FROM release_ciphertexts c
           JOIN release_images i ON i.release_id = c.release_id AND i.sha256 = c.plain_sha256
           LEFT JOIN artifacts a ON a.sha256 = c.sha256
          WHERE c.release_id = $1 ORDER BY c.model_id, i.hardware_id",
    )
    .bind(release)
    .fetch_all(store.pool())
    .await?;
    rows.into_iter().map(Ciphertext::try_from).collect()
}
