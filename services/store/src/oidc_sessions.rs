//! Sessions of people whom an OpenID provider signed in. As of tokens, only the hash of a session's secret is kept.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Store, StoreError, Tx};

/// How long a session that has ended is kept: longer than any sign-in that could be played again.
const KEPT: TimeDelta = TimeDelta::days(1);

/// A session to be kept.
#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    pub id: Uuid,
    /// The sign-in it came from.
    pub flow_id: Uuid,
    pub secret_sha256: &'a [u8],
    pub issuer: &'a str,
    pub subject: &'a str,
    /// The actor in logs and events.
    pub actor: &'a str,
    pub display_name: &'a str,
    pub role: &'a str,
    pub expires_at: DateTime<Utc>,
}

/// A session as it is looked up.
#[derive(Debug, Clone, FromRow)]
pub struct SessionRow {
    pub id: Uuid,
    pub issuer: String,
    pub actor: String,
    pub display_name: String,
    pub role: String,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Keeps a session and drops those that ended long ago; false when its sign-in made one already.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut Tx, session: &NewSession<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    sqlx::query("DELETE FROM oidc_sessions WHERE expires_at < $1").bind(now - KEPT).execute(&mut **tx).await?;
    let inserted = sqlx::query(
        "INSERT INTO oidc_sessions
             (id, flow_id, secret_sha256, issuer, subject, actor, display_name, role, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (flow_id) DO NOTHING",
    )
    .bind(session.id)
    .bind(session.flow_id)
    .bind(session.secret_sha256)
    .bind(session.issuer)
    .bind(session.subject)
    .bind(session.actor)
    .bind(session.display_name)
    .bind(session.role)
    .bind(now)
    .bind(session.expires_at)
    .execute(&mut **tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The session with this hash, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn of_secret(store: &Store, secret_sha256: &[u8]) -> Result<Option<SessionRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, issuer, actor, display_name, role, expires_at, revoked_at FROM oidc_sessions
         WHERE secret_sha256 = $1",
    )
    .bind(secret_sha256)
    .fetch_optional(store.pool())
    .await?)
}

/// Ends the session with this hash; gives its id and actor, or nothing when none was open.
///
/// # Errors
/// [`StoreError`].
pub async fn revoke(
    tx: &mut Tx,
    secret_sha256: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<(Uuid, String)>, StoreError> {
    Ok(sqlx::query_as(
        "UPDATE oidc_sessions SET revoked_at = $2
         WHERE secret_sha256 = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING id, actor",
    )
    .bind(secret_sha256)
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?)
}
