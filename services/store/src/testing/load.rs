//! A large fleet at once, and the barest way of changing its assignments: what the ingest is measured against.

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, VehicleId};
use sqlx::PgPool;

use crate::{Store, StoreError};

/// One by one: several at once are a transaction, in which nothing is vacuumed.
async fn run<const N: usize>(pool: &PgPool, statements: [&'static str; N]) -> Result<(), StoreError> {
    for statement in statements {
        sqlx::raw_sql(statement).execute(pool).await?;
    }
    Ok(())
}

/// Vehicles of `model`, each assigned in `campaign` and counted; their ids and VINs.
///
/// # Errors
/// [`StoreError`].
pub async fn fleet(
    store: &Store,
    model: &str,
    campaign: CampaignId,
    vehicles: i64,
    now: DateTime<Utc>,
) -> Result<Vec<(VehicleId, String)>, StoreError> {
    super::model(store, model, now).await?;
    let rows = sqlx::query_as(
        "INSERT INTO vehicles (vin, model_id, created_at, updated_at)
         SELECT 'WVWZZZ1KZ' || lpad(n::text, 8, '0'), $1, $3, $3 FROM generate_series(1, $2) AS n RETURNING id, vin",
    );
    let rows = rows.bind(model).bind(vehicles).bind(now).fetch_all(store.pool()).await?;
    sqlx::query(
        "INSERT INTO assignments (vehicle_id, campaign_id, wave, assigned_at, updated_at)
         SELECT id, $1, 1, $2, $2 FROM vehicles",
    )
    .bind(campaign)
    .bind(now)
    .execute(store.pool())
    .await?;
    sqlx::query(
        "INSERT INTO assignment_counters (campaign_id, wave, state, partition, vehicles) VALUES ($1, 1, 'assigned', -1, $2)",
    )
    .bind(campaign)
    .bind(vehicles)
    .execute(store.pool())
    .await?;
    run(store.pool(), ["VACUUM ANALYZE vehicles", "VACUUM ANALYZE assignments", "CHECKPOINT"]).await?;
    Ok(rows)
}

/// Copies the assignments, with their indexes and their room for updates, to where [`bare_update`] changes them.
///
/// # Errors
/// [`StoreError`].
pub async fn copy_assignments(store: &Store) -> Result<(), StoreError> {
    let statements = [
        "DROP TABLE IF EXISTS bare_assignments",
        "CREATE TABLE bare_assignments (LIKE assignments INCLUDING ALL) WITH (fillfactor = 80)",
        "INSERT INTO bare_assignments SELECT * FROM assignments",
        "VACUUM ANALYZE bare_assignments",
        "CHECKPOINT",
    ];
    run(store.pool(), statements).await
}

/// Changes the copies of these assignments in one statement and one transaction, and nothing else.
///
/// # Errors
/// [`StoreError`].
pub async fn bare_update(
    store: &Store,
    campaign: CampaignId,
    vehicles: &[VehicleId],
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let updated = sqlx::query(
        "UPDATE bare_assignments a SET state = 'accepted', step = 'accepted', sequence = 1, updated_at = $3
           FROM unnest($1::bigint[]) AS u (vehicle_id) WHERE a.vehicle_id = u.vehicle_id AND a.campaign_id = $2",
    );
    Ok(updated.bind(vehicles).bind(campaign).bind(now).execute(store.pool()).await?.rows_affected())
}

/// Messages of `topic` that were applied, over all partitions.
///
/// # Errors
/// [`StoreError`].
pub async fn applied(store: &Store, topic: &str) -> Result<i64, StoreError> {
    let sum = "SELECT coalesce(sum(next_offset), 0)::bigint FROM consumer_offsets WHERE topic = $1";
    Ok(sqlx::query_scalar(sum).bind(topic).fetch_one(store.pool()).await?)
}
