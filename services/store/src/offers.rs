//! What the gateway asks when a vehicle polls while something is active for its model: one read by
//! primary key. It runs on the primary, never on a replica: an offer is a decision, and a replica may
//! still show a campaign running that was halted.

use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, VehicleId, Vin};
use sqlx::FromRow;

use crate::ecus::same_ecu;
use crate::{Store, StoreError};

/// An assignment that has not ended, of a campaign that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAssignment {
    pub campaign: CampaignId,
    /// 1 for the first.
    pub attempt: u32,
    /// Never a terminal one.
    pub state: AssignmentState,
}

#[derive(FromRow)]
struct Row {
    campaign_id: i64,
    attempt: i32,
    state: String,
}

impl TryFrom<Row> for OpenAssignment {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let attempt = u32::try_from(row.attempt).ok().filter(|attempt| *attempt >= 1);
        Ok(Self {
            campaign: row.campaign_id,
            attempt: attempt
                .ok_or_else(|| StoreError::inconsistent("assignments", format!("attempt {}", row.attempt)))?,
            state: row.state.parse().map_err(|error| StoreError::inconsistent("assignments", error))?,
        })
    }
}

/// The assignments of `vehicle` that may be offered: the campaign of the highest priority first, then the oldest. One that
/// is for an ECU which another campaign updates right now is left out, so that no ECU has two updates under way. None
/// for a vehicle that is retired or opted out, none while everything is stopped, and none when the row is another VIN's: a token outlives a
/// database that was set up anew.
///
/// # Errors
/// [`StoreError`].
pub async fn lookup(store: &Store, vehicle: VehicleId, vin: &Vin) -> Result<Vec<OpenAssignment>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT a.campaign_id, a.attempt, a.state
           FROM assignments a
           JOIN vehicles v ON v.id = a.vehicle_id
           JOIN campaigns c ON c.id = a.campaign_id
          WHERE a.vehicle_id = $1 AND v.vin = $2 AND v.retired_at IS NULL AND v.opted_out_at IS NULL
            AND a.state IN ('assigned', 'offered', 'accepted', 'downloading', 'downloaded', 'installing')
            AND c.state = 'running' AND c.closing IS NULL
            AND NOT EXISTS (SELECT FROM emergency_stop)
            AND NOT EXISTS (
                SELECT FROM assignments b
                  JOIN campaigns d ON d.id = b.campaign_id
                 WHERE b.vehicle_id = a.vehicle_id AND b.campaign_id <> a.campaign_id
                   AND (b.state = 'installing'
                        OR b.state IN ('accepted', 'downloading', 'downloaded') AND d.state = 'running'
                           AND d.closing IS NULL
                           AND (a.state IN ('assigned', 'offered') OR (d.priority, -d.id) > (c.priority, -c.id)))
                   AND ",
        same_ecu!("c.release_id", "d.release_id"),
        ")
          ORDER BY c.priority DESC, a.campaign_id"
    ))
    .bind(vehicle)
    .bind(vin.as_str())
    .fetch_all(store.pool())
    .await?;
    rows.into_iter().map(OpenAssignment::try_from).collect()
}
