//! Which vehicles are told that their wave is open, and by which gateway: the one that claims the wave first. Who joins the
//! wave later is told by whichever gateway takes its row.

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::id::{CampaignId, ModelId, VehicleId, Vin};

use crate::{Store, StoreError, Tx};

/// How long a vehicle that joined is worth a notice: by then it has polled.
const WORTH_TELLING: TimeDelta = TimeDelta::hours(1);

/// Claims the wave's vehicles of `model`, once and for all. Gives whether nobody had.
///
/// # Errors
/// [`StoreError`].
pub async fn claim(
    store: &Store,
    model: &ModelId,
    campaign: CampaignId,
    wave: u32,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let claimed = sqlx::query(
        "INSERT INTO wave_notices (model, campaign_id, wave, claimed_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(model.as_str())
    .bind(campaign)
    .bind(i64::from(wave))
    .bind(now)
    .execute(store.pool())
    .await?;
    Ok(claimed.rows_affected() == 1)
}

/// The next `limit` vehicles of `model` after `after` that the wave has something for and that were not offered it yet.
///
/// # Errors
/// [`StoreError`].
pub async fn waiting(
    store: &Store,
    model: &ModelId,
    campaign: CampaignId,
    wave: u32,
    after: VehicleId,
    limit: i64,
) -> Result<Vec<(VehicleId, Vin)>, StoreError> {
    let rows: Vec<(VehicleId, String)> = sqlx::query_as(
        "SELECT a.vehicle_id, v.vin
           FROM assignments a
           JOIN vehicles v ON v.id = a.vehicle_id
          WHERE a.campaign_id = $1 AND a.vehicle_id > $2 AND a.wave = $3 AND a.state = 'assigned'
            AND v.model_id = $4 AND v.retired_at IS NULL
          ORDER BY a.vehicle_id
          LIMIT $5",
    )
    .bind(campaign)
    .bind(after)
    .bind(i64::from(wave))
    .bind(model.as_str())
    .bind(limit)
    .fetch_all(store.pool())
    .await?;
    rows.into_iter()
        .map(|(id, vin)| Ok((id, Vin::parse(&vin).map_err(|error| StoreError::inconsistent("vehicles", error))?)))
        .collect()
}

/// Takes the oldest `limit` vehicles that joined a wave which was told of before. Each is given once.
///
/// # Errors
/// [`StoreError`].
pub async fn take_joined(store: &Store, limit: i64) -> Result<Vec<Vin>, StoreError> {
    let vins: Vec<String> = sqlx::query_scalar(
        "WITH taken AS (
             DELETE FROM join_notices WHERE id = ANY (ARRAY(
                 SELECT id FROM join_notices ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED))
             RETURNING id, vehicle_id
         )
         SELECT v.vin FROM taken JOIN vehicles v ON v.id = taken.vehicle_id AND v.retired_at IS NULL ORDER BY taken.id",
    )
    .bind(limit)
    .fetch_all(store.pool())
    .await?;
    vins.iter().map(|vin| Vin::parse(vin).map_err(|error| StoreError::inconsistent("vehicles", error))).collect()
}

/// Throws away what no gateway took.
pub(crate) async fn forget_joined(tx: &mut Tx, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM join_notices WHERE joined_at < $1").bind(now - WORTH_TELLING).execute(&mut **tx).await?;
    Ok(())
}
