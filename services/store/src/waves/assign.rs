//! The opening of a wave: one assignment per member, in chunks, each with its counters in one transaction.
//! A chunk that was written before inserts nothing and counts nothing, so an opening that was cut off is
//! simply done again.

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, VehicleId};

use crate::campaigns::unsigned;
use crate::{StoreError, Tx};

/// Members per chunk: some tenths of a second.
pub const CHUNK: i64 = 20_000;

/// The counters' partition that belongs to no reader of `otaru.acks`.
pub(super) const OPENING_PARTITION: i32 = -1;

/// A chunk that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// The last member in it; the next chunk begins after it.
    pub last: VehicleId,
    /// Assignments that were not there before.
    pub inserted: u64,
}

pub(super) fn wave_number(wave: u32) -> Result<i32, StoreError> {
    i32::try_from(wave).map_err(|error| StoreError::inconsistent("campaign_waves", error))
}

/// Assigns the next `limit` members of a wave after `after`; `None` when there are no more.
///
/// # Errors
/// [`StoreError`].
pub async fn assign_chunk(
    tx: &mut Tx,
    campaign: CampaignId,
    wave: u32,
    after: VehicleId,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Option<Chunk>, StoreError> {
    let wave = wave_number(wave)?;
    let (last, inserted): (Option<VehicleId>, i64) = sqlx::query_as(
        "WITH chunk AS (
             SELECT vehicle_id FROM campaign_members
             WHERE campaign_id = $1 AND wave = $2 AND vehicle_id > $3 ORDER BY vehicle_id LIMIT $4
         ), inserted AS (
             INSERT INTO assignments (vehicle_id, campaign_id, wave, assigned_at, updated_at)
             SELECT vehicle_id, $1, $2, $5, $5 FROM chunk ON CONFLICT DO NOTHING RETURNING 1
         )
         SELECT (SELECT max(vehicle_id) FROM chunk), (SELECT count(*) FROM inserted)",
    )
    .bind(campaign)
    .bind(wave)
    .bind(after)
    .bind(limit)
    .bind(now)
    .fetch_one(&mut **tx)
    .await?;
    let Some(last) = last else {
        return Ok(None);
    };
    if inserted > 0 {
        sqlx::query(
            "INSERT INTO assignment_counters AS c (campaign_id, wave, state, partition, vehicles)
             VALUES ($1, $2, 'assigned', $3, $4)
             ON CONFLICT (campaign_id, wave, state, partition) DO UPDATE SET vehicles = c.vehicles + excluded.vehicles",
        )
        .bind(campaign)
        .bind(wave)
        .bind(OPENING_PARTITION)
        .bind(inserted)
        .execute(&mut **tx)
        .await?;
    }
    Ok(Some(Chunk { last, inserted: unsigned("assignments", inserted)? }))
}

/// Notes that the wave is open. Gives whether it was not before.
///
/// # Errors
/// [`StoreError`].
pub async fn mark_open(tx: &mut Tx, campaign: CampaignId, wave: u32, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let opened = sqlx::query(
        "UPDATE campaign_waves SET opened_at = $3 WHERE campaign_id = $1 AND number = $2 AND opened_at IS NULL",
    )
    .bind(campaign)
    .bind(wave_number(wave)?)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(opened.rows_affected() == 1)
}
