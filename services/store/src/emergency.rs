//! The emergency stop: one row, which everything that offers, starts or resumes looks at.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::{Store, StoreError, Tx};

/// A stop in force.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EmergencyStop {
    pub reason: String,
    pub stopped_at: DateTime<Utc>,
    pub stopped_by: String,
}

/// The stop in force, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn current(store: &Store) -> Result<Option<EmergencyStop>, StoreError> {
    Ok(sqlx::query_as("SELECT reason, stopped_at, stopped_by FROM emergency_stop").fetch_optional(store.pool()).await?)
}

/// Whether there is one, until the transaction ends: a stop waits for those that looked before it.
///
/// # Errors
/// [`StoreError`].
pub async fn in_force(tx: &mut Tx) -> Result<bool, StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock_shared(hashtext('otaru emergency stop'))").execute(&mut **tx).await?;
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM emergency_stop)").fetch_one(&mut **tx).await?)
}

/// Stops everything. Gives whether nothing was stopped before.
///
/// # Errors
/// [`StoreError`].
pub async fn stop(tx: &mut Tx, actor: &str, reason: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('otaru emergency stop'))").execute(&mut **tx).await?;
    let stopped = sqlx::query(
        "INSERT INTO emergency_stop (reason, stopped_at, stopped_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    );
    let stopped = stopped.bind(reason).bind(now).bind(actor).execute(&mut **tx).await?;
    Ok(stopped.rows_affected() == 1)
}

/// Lifts the stop. Gives whether there was one.
///
/// # Errors
/// [`StoreError`].
pub async fn lift(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(sqlx::query("DELETE FROM emergency_stop").execute(&mut **tx).await?.rows_affected() == 1)
}
