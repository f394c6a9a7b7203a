//! Vehicles that take too long: under way, and silent for longer than their campaign's policy allows.

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::id::{CampaignId, VehicleId};
use otaru_domain::rollout::Timeouts;

use crate::waves::{Leftover, Swept, leftovers};
use crate::{StoreError, Tx};

/// Of the next `limit` assignments of the campaign after `after`, those that are overdue; `None` when there are no more. No
/// index helps here, for none may be on what changes with every ack: the campaign's rows are read in order, in chunks.
///
/// # Errors
/// [`StoreError`].
pub async fn overdue_chunk(
    tx: &mut Tx,
    campaign: CampaignId,
    timeouts: &Timeouts,
    after: VehicleId,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Option<Swept>, StoreError> {
    let before = |secs: Option<u64>| {
        secs.and_then(|secs| i64::try_from(secs).ok()).and_then(TimeDelta::try_seconds).map(|timeout| now - timeout)
    };
    let rows: Vec<(VehicleId, String, i32, bool)> = sqlx::query_as(
        "SELECT a.vehicle_id, v.vin, a.attempt,
                coalesce(CASE WHEN a.state = 'offered' THEN a.updated_at < $4
                              WHEN a.state IN ('accepted', 'downloading', 'downloaded', 'installing') THEN a.updated_at < $5
                         END, false)
           FROM (SELECT * FROM assignments WHERE campaign_id = $1 AND vehicle_id > $2 ORDER BY vehicle_id LIMIT $3) AS a
           JOIN vehicles v ON v.id = a.vehicle_id
          ORDER BY a.vehicle_id",
    )
    .bind(campaign)
    .bind(after)
    .bind(limit)
    .bind(before(timeouts.offer_secs))
    .bind(before(timeouts.step_secs))
    .fetch_all(&mut **tx)
    .await?;
    let Some(last) = rows.last().map(|row| row.0) else {
        return Ok(None);
    };
    let overdue = rows.into_iter().filter(|row| row.3).map(|(_, vin, attempt, _)| (vin, attempt));
    let left: Vec<Leftover> = leftovers(overdue.collect())?;
    Ok(Some(Swept { last, left }))
}
