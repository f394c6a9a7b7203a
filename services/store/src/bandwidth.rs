//! Caps on how many bytes of images a model's or a campaign's vehicles are sent in a second, over all gateways. Each gateway
//! leases a share, in proportion to the downloads it has there; a share is granted only from what no other lease holds, so
//! that all of them together are never above the cap, whoever comes and goes.

use std::time::Duration;

use otaru_domain::id::{CampaignId, ModelId};
use uuid::Uuid;

use crate::campaigns::unsigned;
use crate::{Store, StoreError, Tx};

/// How long a share is kept for a gateway that does not ask again.
pub const LEASE: Duration = Duration::from_secs(5);
/// Tells this lock from others; the name of the scope is hashed with it.
const LOCK_SEED: i64 = 0x0b0d_e1ea;

/// What a cap is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    Model(ModelId),
    Campaign(CampaignId),
}

impl Scope {
    /// The kind, as metrics name it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Model(_) => "model",
            Self::Campaign(_) => "campaign",
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Model(model) => format!("model:{model}"),
            Self::Campaign(campaign) => format!("campaign:{campaign}"),
        }
    }
}

/// Every cap that is in force, in bytes per second.
///
/// # Errors
/// [`StoreError`].
pub async fn caps(store: &Store) -> Result<Vec<(Scope, u64)>, StoreError> {
    let rows: Vec<(Option<String>, Option<i64>, i64)> = sqlx::query_as(
        "SELECT id, NULL, max_bytes_per_sec FROM models WHERE max_bytes_per_sec IS NOT NULL AND retired_at IS NULL
         UNION ALL
         SELECT NULL, id, (policy ->> 'max_bytes_per_sec')::bigint FROM campaigns
          WHERE state IN ('running', 'paused', 'halted') AND policy ? 'max_bytes_per_sec'",
    )
    .fetch_all(store.pool())
    .await?;
    rows.into_iter()
        .map(|(model, campaign, cap)| {
            let scope = match (model, campaign) {
                (Some(model), _) => {
                    Scope::Model(model.parse().map_err(|error| StoreError::inconsistent("models", error))?)
                }
                (None, Some(campaign)) => Scope::Campaign(campaign),
                (None, None) => return Err(StoreError::inconsistent("campaigns", "a cap of nothing")),
            };
            Ok((scope, unsigned("models", cap)?))
        })
        .collect()
}

/// The share of `scope` that `gateway` may use for [`LEASE`] when it has so many downloads there; none where there is no
/// cap. It may be nothing until others, who had it all, ask for theirs again.
///
/// # Errors
/// [`StoreError`].
pub async fn lease(store: &Store, gateway: Uuid, scope: &Scope, downloads: u64) -> Result<Option<u64>, StoreError> {
    let mut tx = store.begin().await?;
    let share = grant(&mut tx, gateway, scope, downloads).await?;
    tx.commit().await?;
    Ok(share)
}

async fn grant(tx: &mut Tx, gateway: Uuid, scope: &Scope, downloads: u64) -> Result<Option<u64>, StoreError> {
    let name = scope.name();
    // First the lock: who waited for it sees what the one before took.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))")
        .bind(&name)
        .bind(LOCK_SEED)
        .execute(&mut **tx)
        .await?;
    sqlx::query("DELETE FROM bandwidth_leases WHERE scope = $1 AND (gateway = $2 OR expires_at < clock_timestamp())")
        .bind(&name)
        .bind(gateway)
        .execute(&mut **tx)
        .await?;
    let Some(cap) = cap(tx, scope).await? else { return Ok(None) };
    if downloads == 0 {
        return Ok(Some(0));
    }
    let (others, held): (i64, i64) = sqlx::query_as(
        "SELECT coalesce(sum(downloads), 0)::bigint, coalesce(sum(bytes_per_sec), 0)::bigint
           FROM bandwidth_leases WHERE scope = $1",
    )
    .bind(&name)
    .fetch_one(&mut **tx)
    .await?;
    let (others, held) = (unsigned("bandwidth_leases", others)?, unsigned("bandwidth_leases", held)?);
    let share = share_of(cap, downloads, others).min(cap.saturating_sub(held));
    let signed = |count: u64| i64::try_from(count).map_err(|error| StoreError::inconsistent("bandwidth_leases", error));
    sqlx::query(
        "INSERT INTO bandwidth_leases (scope, gateway, downloads, bytes_per_sec, expires_at)
         VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))",
    )
    .bind(&name)
    .bind(gateway)
    .bind(signed(downloads)?)
    .bind(signed(share)?)
    .bind(LEASE.as_secs_f64())
    .execute(&mut **tx)
    .await?;
    Ok(Some(share))
}

/// What is due to `mine` downloads beside `others`.
fn share_of(cap: u64, mine: u64, others: u64) -> u64 {
    let share = u128::from(cap) * u128::from(mine) / (u128::from(mine) + u128::from(others)).max(1);
    u64::try_from(share).unwrap_or(cap)
}

async fn cap(tx: &mut Tx, scope: &Scope) -> Result<Option<u64>, StoreError> {
    let cap: Option<Option<i64>> = match scope {
        Scope::Model(model) => {
            sqlx::query_scalar("SELECT max_bytes_per_sec FROM models WHERE id = $1 AND retired_at IS NULL")
                .bind(model.as_str())
                .fetch_optional(&mut **tx)
                .await?
        }
        Scope::Campaign(campaign) => {
            sqlx::query_scalar(
                "SELECT (policy ->> 'max_bytes_per_sec')::bigint FROM campaigns
                  WHERE id = $1 AND state IN ('running', 'paused', 'halted')",
            )
            .bind(campaign)
            .fetch_optional(&mut **tx)
            .await?
        }
    };
    cap.flatten().map(|cap| unsigned("models", cap)).transpose()
}

/// Puts a cap on a model, or takes it off; false when there is no such model.
///
/// # Errors
/// [`StoreError`].
pub async fn set_model_cap(tx: &mut Tx, model: &str, cap: Option<u64>) -> Result<bool, StoreError> {
    let cap =
        cap.map(|cap| i64::try_from(cap).map_err(|error| StoreError::inconsistent("models", error))).transpose()?;
    let changed = sqlx::query("UPDATE models SET max_bytes_per_sec = $2 WHERE id = $1")
        .bind(model)
        .bind(cap)
        .execute(&mut **tx)
        .await?;
    Ok(changed.rows_affected() == 1)
}
