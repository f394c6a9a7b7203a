//! Who leads the engine. A lease tells processes when to try; what keeps a deposed leader from changing
//! anything is its epoch, checked in each of its transactions under a lock that a successor must wait for.

use std::time::Duration;

use uuid::Uuid;

use crate::{Store, StoreError, Tx};

/// How long a leader that was killed keeps others waiting, by the database's clock.
pub const LEASE: Duration = Duration::from_secs(5);

const NAME: &str = "engine";

/// A term of leadership. Rises with every leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(i64);

impl Epoch {
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

/// Takes the lead if nobody has it. `holder` tells the processes apart for people who look.
///
/// # Errors
/// [`StoreError`].
pub async fn acquire(store: &Store, holder: Uuid, lease: Duration) -> Result<Option<Epoch>, StoreError> {
    let mut tx = store.begin().await?;
    let epoch: Option<i64> = sqlx::query_scalar(
        "INSERT INTO leadership AS l (name, epoch, holder, expires_at)
         VALUES ($1, 1, $2, clock_timestamp() + make_interval(secs => $3))
         ON CONFLICT (name) DO UPDATE
             SET epoch = l.epoch + 1, holder = excluded.holder,
                 expires_at = clock_timestamp() + make_interval(secs => $3)
             WHERE l.expires_at < clock_timestamp()
         RETURNING epoch",
    )
    .bind(NAME)
    .bind(holder)
    .bind(lease.as_secs_f64())
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(epoch.map(Epoch))
}

/// Keeps the lead for another `lease`.
///
/// # Errors
/// [`StoreError::Fenced`] when another process leads by now.
pub async fn renew(store: &Store, epoch: Epoch, lease: Duration) -> Result<(), StoreError> {
    let renewed = sqlx::query(
        "UPDATE leadership SET expires_at = clock_timestamp() + make_interval(secs => $3) WHERE name = $1 AND epoch = $2",
    )
    .bind(NAME)
    .bind(epoch.0)
    .bind(lease.as_secs_f64())
    .execute(store.pool())
    .await?;
    if renewed.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced("the lead of the engine")) }
}

/// Gives the lead up at once.
///
/// # Errors
/// [`StoreError`]; without it, the lease ends by itself.
pub async fn release(store: &Store, epoch: Epoch) -> Result<(), StoreError> {
    sqlx::query("UPDATE leadership SET expires_at = '-infinity' WHERE name = $1 AND epoch = $2")
        .bind(NAME)
        .bind(epoch.0)
        .execute(store.pool())
        .await?;
    Ok(())
}

/// Makes sure that the epoch is still the newest, until the transaction ends: a successor waits for it.
///
/// # Errors
/// [`StoreError::Fenced`] when it is not.
pub async fn check(tx: &mut Tx, epoch: Epoch) -> Result<(), StoreError> {
    let leads: Option<i64> =
        sqlx::query_scalar("SELECT epoch FROM leadership WHERE name = $1 AND epoch = $2 FOR SHARE")
            .bind(NAME)
            .bind(epoch.0)
            .fetch_optional(&mut **tx)
            .await?;
    leads.map(|_| ()).ok_or(StoreError::Fenced("the lead of the engine"))
}
