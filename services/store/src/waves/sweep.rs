//! What is left of a campaign that is being closed, in chunks. The state read here may be moved by the ingest
//! before the withdrawal arrives there; the rules by which reports merge decide then.

use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, VehicleId, Vin};

use crate::{StoreError, Tx};

/// An assignment, in the attempt it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    pub vin: Vin,
    /// 1 for the first.
    pub attempt: u32,
}

/// A chunk of a campaign's assignments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    /// The last vehicle in it; the next chunk begins after it.
    pub last: VehicleId,
    /// Those of the chunk that have not ended.
    pub left: Vec<Leftover>,
}

/// The next `limit` assignments of the campaign after `after`; `None` when there are no more.
///
/// # Errors
/// [`StoreError`].
pub async fn sweep_chunk(
    tx: &mut Tx,
    campaign: CampaignId,
    after: VehicleId,
    limit: i64,
) -> Result<Option<Swept>, StoreError> {
    let last: Option<VehicleId> = sqlx::query_scalar(
        "SELECT max(vehicle_id) FROM (
             SELECT vehicle_id FROM assignments WHERE campaign_id = $1 AND vehicle_id > $2 ORDER BY vehicle_id LIMIT $3
         ) AS chunk",
    )
    .bind(campaign)
    .bind(after)
    .bind(limit)
    .fetch_one(&mut **tx)
    .await?;
    let Some(last) = last else {
        return Ok(None);
    };
    let rows: Vec<(String, i32)> = sqlx::query_as(
        "SELECT v.vin, a.attempt FROM assignments a JOIN vehicles v ON v.id = a.vehicle_id
         WHERE a.campaign_id = $1 AND a.vehicle_id > $2 AND a.vehicle_id <= $3 AND a.state <> ALL($4)
         ORDER BY a.vehicle_id",
    )
    .bind(campaign)
    .bind(after)
    .bind(last)
    .bind(AssignmentState::terminal_names())
    .fetch_all(&mut **tx)
    .await?;
    Ok(Some(Swept { last, left: leftovers(rows)? }))
}

/// Rows of VIN and attempt as what they say.
pub(crate) fn leftovers(rows: Vec<(String, i32)>) -> Result<Vec<Leftover>, StoreError> {
    let leftover = |(vin, attempt): (String, i32)| {
        let vin = Vin::parse(&vin).map_err(|error| StoreError::inconsistent("vehicles", error))?;
        let attempt = u32::try_from(attempt)
            .map_err(|_| StoreError::inconsistent("assignments", format!("attempt {attempt}")))?;
        Ok(Leftover { vin, attempt })
    };
    rows.into_iter().map(leftover).collect()
}
