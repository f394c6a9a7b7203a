//! Vehicles that come to match a continuous campaign while it runs. Its waves were cut from all ranks there are, so a
//! vehicle that comes later has a wave by its rank, as the signed document says, too.

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, VehicleId};
use otaru_domain::rollout::{WavePlan, rank_cutoffs};
use otaru_domain::target::Target;

use super::assign::OPENING_PARTITION;
use super::{candidates, exclude};
use crate::campaigns::{self, Campaign, unsigned};
use crate::{StoreError, Tx, wave_notices};

/// Takes the oldest changes, at most `limit`: the vehicles of which something changed.
///
/// # Errors
/// [`StoreError`].
pub async fn take_changes(tx: &mut Tx, limit: i64) -> Result<Vec<VehicleId>, StoreError> {
    let mut vehicles: Vec<VehicleId> = sqlx::query_scalar(
        "DELETE FROM vehicle_changes WHERE id = ANY (ARRAY(SELECT id FROM vehicle_changes ORDER BY id LIMIT $1))
         RETURNING vehicle_id",
    )
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    vehicles.sort_unstable();
    vehicles.dedup();
    Ok(vehicles)
}

/// Takes those of `vehicles` (of the whole fleet without them) into a continuous campaign that match by now, each into
/// its wave, and assigns them where that is open. Those that match and are left out are kept with the reason. How many
/// joined. The campaign is locked.
///
/// # Errors
/// [`StoreError`].
pub async fn join(
    tx: &mut Tx,
    campaign: &Campaign,
    plan: &[WavePlan],
    target: &Target,
    vehicles: Option<&[VehicleId]>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    look(tx, campaign, target, vehicles, now).await?;
    exclude::forget(tx, campaign.id, vehicles).await?;
    exclude::keep(tx, campaign.id).await?;
    exclude::take_out(tx).await?;
    let (joined, _) = candidates::count(tx).await?;
    if joined > 0 {
        candidates::list(tx, plan).await?;
        candidates::place(tx, plan, &candidates::bigints(&rank_cutoffs(plan))?).await?;
        candidates::keep(tx, campaign.id).await?;
        sqlx::query(
            "UPDATE campaign_waves w SET size = w.size + j.vehicles
               FROM (SELECT wave, count(*) AS vehicles FROM pg_temp.candidates GROUP BY wave) AS j
              WHERE w.campaign_id = $1 AND w.number = j.wave",
        )
        .persistent(false)
        .bind(campaign.id)
        .execute(&mut **tx)
        .await?;
        campaigns::add_members(tx, campaign.id, joined).await?;
        assign(tx, campaign.id, now).await?;
    }
    candidates::drop(tx).await?;
    Ok(joined)
}

/// Makes those of `vehicles` (of the whole fleet without them) candidates that match and are not in the campaign, and
/// marks whom it leaves out.
pub(crate) async fn look(
    tx: &mut Tx,
    campaign: &Campaign,
    target: &Target,
    vehicles: Option<&[VehicleId]>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    candidates::rank(tx, campaign.release, &campaign.salt, target, vehicles).await?;
    leave_members(tx, campaign.id).await?;
    exclude::mark(tx, campaign.release, campaign.needs(), now).await
}

/// Whoever joined stays as it is, whatever it is now.
async fn leave_members(tx: &mut Tx, campaign: CampaignId) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM pg_temp.candidates c USING campaign_waves w, campaign_members m
          WHERE w.campaign_id = $1 AND m.campaign_id = w.campaign_id AND m.wave = w.number
            AND m.vehicle_id = c.vehicle_id",
    )
    .persistent(false)
    .bind(campaign)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Assigns the candidates whose wave is open, and notes those to tell whose wave was told of already.
async fn assign(tx: &mut Tx, campaign: CampaignId, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query(
        "WITH inserted AS (
             INSERT INTO assignments (vehicle_id, campaign_id, wave, assigned_at, updated_at)
             SELECT c.vehicle_id, $1, c.wave, $2, $2
               FROM pg_temp.candidates c
               JOIN campaign_waves w ON w.campaign_id = $1 AND w.number = c.wave AND w.opened_at IS NOT NULL
              ORDER BY c.vehicle_id
             ON CONFLICT DO NOTHING RETURNING wave, vehicle_id
         ), noted AS (
             INSERT INTO join_notices (campaign_id, vehicle_id, joined_at)
             SELECT $1, i.vehicle_id, $2
               FROM inserted i
               JOIN pg_temp.candidates c ON c.vehicle_id = i.vehicle_id
               JOIN wave_notices n ON n.campaign_id = $1 AND n.wave = i.wave AND n.model = c.model_id
         )
         INSERT INTO assignment_counters AS k (campaign_id, wave, state, partition, vehicles)
         SELECT $1, wave, 'assigned', $3, count(*) FROM inserted GROUP BY wave ORDER BY wave
         ON CONFLICT (campaign_id, wave, state, partition) DO UPDATE SET vehicles = k.vehicles + excluded.vehicles",
    )
    .persistent(false)
    .bind(campaign)
    .bind(now)
    .bind(OPENING_PARTITION)
    .execute(&mut **tx)
    .await?;
    wave_notices::forget_joined(tx, now).await
}

/// Assigns whoever joined `wave` while it was being opened, behind where the opening was. How many.
///
/// # Errors
/// [`StoreError`].
pub async fn assign_joined(
    tx: &mut Tx,
    campaign: CampaignId,
    wave: u32,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let wave = super::assign::wave_number(wave)?;
    let inserted: i64 = sqlx::query_scalar(
        "WITH inserted AS (
             INSERT INTO assignments (vehicle_id, campaign_id, wave, assigned_at, updated_at)
             SELECT m.vehicle_id, $1, $2, $3, $3 FROM campaign_members m
              WHERE m.campaign_id = $1 AND m.wave = $2
                AND NOT EXISTS (SELECT FROM assignments a WHERE a.campaign_id = $1 AND a.vehicle_id = m.vehicle_id)
              ORDER BY m.vehicle_id
             ON CONFLICT DO NOTHING RETURNING 1
         ), counted AS (
             INSERT INTO assignment_counters AS k (campaign_id, wave, state, partition, vehicles)
             SELECT $1, $2, 'assigned', $4, count(*) FROM inserted HAVING count(*) > 0
             ON CONFLICT (campaign_id, wave, state, partition) DO UPDATE SET vehicles = k.vehicles + excluded.vehicles
         )
         SELECT count(*) FROM inserted",
    )
    .bind(campaign)
    .bind(wave)
    .bind(now)
    .bind(OPENING_PARTITION)
    .fetch_one(&mut **tx)
    .await?;
    unsigned("assignments", inserted)
}
