//! Sessions of people whom an OpenID provider signed in. As of tokens, only the hash of a session's secret is kept.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Store, StoreError, Tx};

/// How long a session that has ended is kept: longer than any sign-in that could be played again.
const KEPT: TimeDelta = TimeDelta::days(1);
/// How often the use of a session is noted at most: a page asks many times a second.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

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
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// Who ended it before its time.
    pub ended_by: Option<String>,
    /// To within a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl SessionRow {
    /// Whether its use at `now` is to be noted.
    #[must_use]
    pub fn is_use_news(&self, now: DateTime<Utc>) -> bool {
        self.last_used_at.is_none_or(|at| now - at >= NOTED_EVERY)
    }
}

/// Keeps a session and drops those that ended long ago; false when its sign-in made one already.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut Tx, session: &NewSession<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    sqlx::query("DELETE FROM oidc_sessions WHERE expires_at < $1").bind(now - KEPT).execute(&mut **tx).await?;
    let inserted = sqlx::query(
        "INSERT INTO oidc_sessions
             (id, flow_id, secret_sha256, issuer, subject, actor, display_name, role, created_at, last_used_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10) ON CONFLICT (flow_id) DO NOTHING",
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
        "SELECT id, issuer, actor, display_name, role, created_at, expires_at, revoked_at, ended_by, last_used_at
           FROM oidc_sessions WHERE secret_sha256 = $1",
    )
    .bind(secret_sha256)
    .fetch_optional(store.pool())
    .await?)
}

/// Notes that the session is used.
///
/// # Errors
/// [`StoreError`].
pub async fn used(store: &Store, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("UPDATE oidc_sessions SET last_used_at = $2 WHERE id = $1 AND revoked_at IS NULL")
        .bind(id)
        .bind(now)
        .execute(store.pool())
        .await?;
    Ok(())
}

/// Sessions that are open at `now` after `after`, in the order of their beginning, at most `limit`; of one person if
/// `actor` is given.
///
/// # Errors
/// [`StoreError`].
pub async fn open(
    store: &Store,
    actor: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<SessionRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, issuer, actor, display_name, role, created_at, expires_at, revoked_at, ended_by, last_used_at
           FROM oidc_sessions
          WHERE revoked_at IS NULL AND expires_at > $1 AND ($2::text IS NULL OR actor = $2)
            AND ($3::uuid IS NULL OR id > $3)
          ORDER BY id LIMIT $4",
    )
    .bind(now)
    .bind(actor)
    .bind(after)
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}

/// Which sessions are to be ended.
#[derive(Debug, Clone, Copy)]
pub enum Ended<'a> {
    One(Uuid),
    /// All of a person's.
    Of(&'a str),
}

/// Ends sessions that are open, for `by`; gives their ids and whose they were.
///
/// # Errors
/// [`StoreError`].
pub async fn end(
    tx: &mut Tx,
    which: Ended<'_>,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Vec<(Uuid, String)>, StoreError> {
    let (id, actor) = match which {
        Ended::One(id) => (Some(id), None),
        Ended::Of(actor) => (None, Some(actor)),
    };
    Ok(sqlx::query_as(
        "UPDATE oidc_sessions SET revoked_at = $3, ended_by = $4
         WHERE (id = $1 OR actor = $2) AND revoked_at IS NULL AND expires_at > $3 RETURNING id, actor",
    )
    .bind(id)
    .bind(actor)
    .bind(now)
    .bind(by)
    .fetch_all(&mut **tx)
    .await?)
}

/// Ends the session with this hash, for its person; gives its id and actor, or nothing when none was open.
///
/// # Errors
/// [`StoreError`].
pub async fn revoke(
    tx: &mut Tx,
    secret_sha256: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<(Uuid, String)>, StoreError> {
    Ok(sqlx::query_as(
        "UPDATE oidc_sessions SET revoked_at = $2, ended_by = actor
         WHERE secret_sha256 = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING id, actor",
    )
    .bind(secret_sha256)
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?)
}
