//! Updates that were made another way: an inventory shows that a vehicle runs already what it was to be offered.

use chrono::{DateTime, Utc};
use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, VehicleId, Vin};

use crate::{StoreError, Tx, outbox};

/// Ends what `vehicles` need no more, by a message like every other end: assignments that no vehicle has begun, and
/// whose images are all there. One that is under way says itself how it ends.
pub(super) async fn close(tx: &mut Tx, vehicles: &[VehicleId], now: DateTime<Utc>) -> Result<(), StoreError> {
    let rows: Vec<(String, CampaignId, i32)> = sqlx::query_as(
        "SELECT v.vin, a.campaign_id, a.attempt
           FROM assignments a
           JOIN vehicles v ON v.id = a.vehicle_id
           JOIN campaigns c ON c.id = a.campaign_id
           CROSS JOIN LATERAL (
                SELECT count(*) AS images, count(e.vehicle_id) AS there
                  FROM release_images i
                  JOIN model_hardware h ON h.model_id = v.model_id AND h.hardware_id = i.hardware_id
                  LEFT JOIN vehicle_ecus e
                    ON e.vehicle_id = v.id AND e.hardware_id = i.hardware_id AND e.version = i.version
                 WHERE i.release_id = c.release_id) AS found
          WHERE a.vehicle_id = ANY($1) AND a.state IN ('assigned', 'offered') AND found.images > 0
            AND found.there = found.images
          ORDER BY a.vehicle_id, a.campaign_id",
    )
    .bind(vehicles)
    .fetch_all(&mut **tx)
    .await?;
    let ack = |(vin, campaign, attempt): (String, CampaignId, i32)| {
        let vin = Vin::parse(&vin).map_err(|error| StoreError::inconsistent("vehicles", error))?;
        let attempt = u32::try_from(attempt).map_err(|error| StoreError::inconsistent("assignments", error))?;
        let mut ack = Ack::by_server(Origin::Engine, vin, campaign, attempt, AssignmentState::Superseded, now);
        ack.error_code = Some("already_installed".to_owned());
        Ok(ack)
    };
    let acks = rows.into_iter().map(ack).collect::<Result<Vec<_>, StoreError>>()?;
    if acks.is_empty() {
        return Ok(());
    }
    tracing::info!(vehicles = acks.len(), "inventories show updates that were made another way");
    outbox::enqueue_acks(tx, &acks, now).await
}
