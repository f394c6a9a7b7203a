//! The bearer tokens of people and programs. Only a token's SHA-256 is kept, and it is looked up by that:
//! the time of the lookup says nothing about how near a guess was.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Store, StoreError, Tx};

/// A token as it is listed.
#[derive(Debug, Clone, FromRow)]
pub struct TokenRow {
    pub id: Uuid,
    /// The actor in logs and events.
    pub name: String,
    pub role: String,
    /// The models it may change things of; none for all.
    pub models: Option<Vec<String>>,
    /// The kinds of calls it may make; none for all.
    pub calls: Option<Vec<String>>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A token to be kept.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    pub id: Uuid,
    pub name: &'a str,
    pub secret_sha256: &'a [u8],
    pub role: &'a str,
    pub expires_at: Option<DateTime<Utc>>,
}

/// Keeps a token; false when its name is taken.
///
/// # Errors
/// [`StoreError`].
pub async fn create_token(tx: &mut Tx, token: &NewToken<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO api_tokens (id, name, secret_sha256, role, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING",
    )
    .bind(token.id)
    .bind(token.name)
    .bind(token.secret_sha256)
    .bind(token.role)
    .bind(now)
    .bind(token.expires_at)
    .execute(&mut **tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Limits a token that was just created.
///
/// # Errors
/// [`StoreError`].
pub async fn set_scope(
    tx: &mut Tx,
    id: Uuid,
    models: Option<&[String]>,
    calls: Option<&[String]>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE api_tokens SET models = $2, calls = $3 WHERE id = $1")
        .bind(id)
        .bind(models)
        .bind(calls)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Something that belongs to models.
#[derive(Debug, Clone, Copy)]
pub enum Owned<'a> {
    Vehicle(&'a str),
    Release(i64),
    Campaign(i64),
}

/// The models that it belongs to; none when it does not exist.
///
/// # Errors
/// [`StoreError`].
pub async fn models_of(store: &Store, owned: Owned<'_>) -> Result<Vec<String>, StoreError> {
    let models = match owned {
        Owned::Vehicle(vin) => sqlx::query_scalar("SELECT model_id FROM vehicles WHERE vin = $1").bind(vin),
        Owned::Release(id) => sqlx::query_scalar("SELECT model_id FROM release_models WHERE release_id = $1").bind(id),
        Owned::Campaign(id) => sqlx::query_scalar(
            "SELECT m.model_id FROM campaigns c JOIN release_models m ON m.release_id = c.release_id WHERE c.id = $1",
        )
        .bind(id),
    };
    Ok(models.fetch_all(store.pool()).await?)
}

/// The token with this hash, if there ever was one.
///
/// # Errors
/// [`StoreError`].
pub async fn token_of(store: &Store, secret_sha256: &[u8]) -> Result<Option<TokenRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, name, role, models, calls, created_at, expires_at, revoked_at FROM api_tokens WHERE secret_sha256 = $1",
    )
    .bind(secret_sha256)
    .fetch_optional(store.pool())
    .await?)
}

/// Tokens by id (which rises with time) after `after`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn tokens(store: &Store, after: Option<Uuid>, limit: i64) -> Result<Vec<TokenRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, name, role, models, calls, created_at, expires_at, revoked_at FROM api_tokens
         WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}

/// Revokes a token, once and for all; false when there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn revoke_token(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let revoked = sqlx::query("UPDATE api_tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1")
        .bind(id)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(revoked.rows_affected() == 1)
}

/// Whether an admin's token works at `now`. Locks the table against others who ask, so that two processes
/// that start at once make one first token, not two.
///
/// # Errors
/// [`StoreError`].
pub async fn has_admin(tx: &mut Tx, now: DateTime<Utc>) -> Result<bool, StoreError> {
    sqlx::query("LOCK TABLE api_tokens IN SHARE ROW EXCLUSIVE MODE").execute(&mut **tx).await?;
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM api_tokens
         WHERE role = 'admin' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1))",
    )
    .bind(now)
    .fetch_one(&mut **tx)
    .await?)
}
