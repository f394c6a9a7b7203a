//! What a campaign that supersedes others puts an end to: updates of the same ECUs that nobody installs yet.

use std::collections::BTreeMap;

use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, VehicleId};

use super::sweep::{Leftover, leftovers};
use crate::ecus::same_ecu;
use crate::{StoreError, Tx};

/// Of the members of `wave` after `after` and up to `last`: their assignments in campaigns that started earlier, update
/// one of the same ECUs, and have not begun to install.
///
/// # Errors
/// [`StoreError`].
pub async fn superseded_chunk(
    tx: &mut Tx,
    campaign: CampaignId,
    wave: u32,
    after: VehicleId,
    last: VehicleId,
) -> Result<BTreeMap<CampaignId, Vec<Leftover>>, StoreError> {
    let wave = i32::try_from(wave).map_err(|error| StoreError::inconsistent("campaign_waves", error))?;
    let rows: Vec<(CampaignId, String, i32)> = sqlx::query_as(concat!(
        "SELECT b.campaign_id, v.vin, b.attempt
           FROM campaign_members m
           JOIN campaigns c ON c.id = m.campaign_id
           JOIN assignments b ON b.vehicle_id = m.vehicle_id AND b.campaign_id <> m.campaign_id
           JOIN campaigns d ON d.id = b.campaign_id
           JOIN vehicles v ON v.id = b.vehicle_id
          WHERE m.campaign_id = $1 AND m.wave = $2 AND m.vehicle_id > $3 AND m.vehicle_id <= $4
            AND b.state <> ALL($5) AND b.state <> 'installing' AND d.started_at < c.started_at
            AND ",
        same_ecu!("c.release_id", "d.release_id"),
        "
          ORDER BY b.vehicle_id, b.campaign_id"
    ))
    .bind(campaign)
    .bind(wave)
    .bind(after)
    .bind(last)
    .bind(AssignmentState::terminal_names())
    .fetch_all(&mut **tx)
    .await?;
    let mut found: BTreeMap<CampaignId, Vec<(String, i32)>> = BTreeMap::new();
    for (other, vin, attempt) in rows {
        found.entry(other).or_default().push((vin, attempt));
    }
    found.into_iter().map(|(other, rows)| Ok((other, leftovers(rows)?))).collect()
}
