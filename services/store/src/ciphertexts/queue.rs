//! What is to be encrypted. A row is taken in a transaction of its own, before the work, so whoever leads after a kill begins
//! it anew; it is tried until it succeeds, for what keeps it from that (a full store, a lost artifact) can be mended.

use chrono::{DateTime, Utc};
use otaru_domain::age::Recipient;
use otaru_domain::id::{ModelId, ReleaseId, Sha256};

use super::{TABLE, recipients, sha256, texts};
use crate::campaigns::unsigned;
use crate::{Store, StoreError, Tx};

/// A file to encrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: i64,
    pub release: ReleaseId,
    pub model: ModelId,
    pub plain: (Sha256, u64),
    /// The name it was first uploaded under.
    pub file_name: String,
    pub recipients: Vec<Recipient>,
    /// How often it was begun, this time included.
    pub attempts: u32,
}

/// Queues the artifacts of a release that is locked in `tx` for a model.
///
/// # Errors
/// [`StoreError`].
pub async fn enqueue(
    tx: &mut Tx,
    release: ReleaseId,
    model: &ModelId,
    plain: &[&Sha256],
    recipients: &[Recipient],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // One artifact may be the image of two ECUs.
    sqlx::query(
        "INSERT INTO release_ciphertexts (release_id, model_id, plain_sha256, recipients, requested_at)
         SELECT $1, $2, p.sha256, $4, $5 FROM unnest($3::text[]) WITH ORDINALITY AS p (sha256, position)
          ORDER BY p.position
         ON CONFLICT (release_id, model_id, plain_sha256) DO NOTHING",
    )
    .bind(release)
    .bind(model.as_str())
    .bind(plain.iter().map(|sha256| sha256.as_str()).collect::<Vec<_>>())
    .bind(texts(recipients))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes what is to be encrypted next: what was begun least often, then what is there longest.
///
/// # Errors
/// [`StoreError`].
pub async fn claim(tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<Job>, StoreError> {
    let row: Option<(i64, i64, String, String, i64, String, Vec<String>, i32)> = sqlx::query_as(
        "WITH taken AS (
             UPDATE release_ciphertexts SET state = 'encrypting', attempts = attempts + 1
              WHERE id = (SELECT c.id FROM release_ciphertexts c
                            JOIN releases r ON r.id = c.release_id AND r.state = 'locked'
                           WHERE c.state <> 'encrypted' AND (c.not_before IS NULL OR c.not_before <= $1)
                           ORDER BY c.attempts, c.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
             RETURNING id, release_id, model_id, plain_sha256, recipients, attempts)
         SELECT t.id, t.release_id, t.model_id, t.plain_sha256, a.length_bytes, a.file_name, t.recipients, t.attempts
           FROM taken t JOIN artifacts a ON a.sha256 = t.plain_sha256",
    )
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((id, release, model, plain, length, file_name, texts, attempts)) = row else { return Ok(None) };
    Ok(Some(Job {
        id,
        release,
        model: model.parse().map_err(|error| StoreError::inconsistent(TABLE, error))?,
        plain: (sha256(&plain)?, unsigned("artifacts", length)?),
        file_name,
        recipients: recipients(&texts)?,
        attempts: u32::try_from(attempts).map_err(|error| StoreError::inconsistent(TABLE, error))?,
    }))
}

/// What there is already of the same file for the same recipients, with its length.
///
/// # Errors
/// [`StoreError`].
pub async fn same(store: &Store, job: &Job) -> Result<Option<(Sha256, u64)>, StoreError> {
    let found: Option<(String, i64)> = sqlx::query_as(
        "SELECT a.sha256, a.length_bytes FROM release_ciphertexts c JOIN artifacts a ON a.sha256 = c.sha256
          WHERE c.plain_sha256 = $1 AND c.recipients = $2 ORDER BY c.id DESC LIMIT 1",
    )
    .bind(job.plain.0.as_str())
    .bind(texts(&job.recipients))
    .fetch_optional(store.pool())
    .await?;
    found.map(|(found, length)| Ok((sha256(&found)?, unsigned("artifacts", length)?))).transpose()
}

/// Notes a ciphertext whose artifact is known.
///
/// # Errors
/// [`StoreError`].
pub async fn encrypted(tx: &mut Tx, job: &Job, ciphertext: &Sha256, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE release_ciphertexts
            SET state = 'encrypted', sha256 = $2, encrypted_at = $3, error = NULL, not_before = NULL
          WHERE id = $1 AND state = 'encrypting'",
    )
    .bind(job.id)
    .bind(ciphertext.as_str())
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
        "UPDATE release_ciphertexts SET state = 'queued', error = $2, not_before = $3
          WHERE id = $1 AND state = 'encrypting'",
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
        "UPDATE release_ciphertexts SET state = 'queued', attempts = attempts - 1
          WHERE id = $1 AND state = 'encrypting'",
    )
    .bind(job.id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
