//! Who was left out of a campaign when it took its vehicles, as it was kept then.

use otaru_domain::exclusion::{Exclusion, Reason};
use otaru_domain::id::{CampaignId, VehicleId};
use sqlx::FromRow;

use super::exclude::exclusion;
use crate::campaigns::unsigned;
use crate::{Store, StoreError};

/// A vehicle that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcludedVehicle {
    pub vehicle: VehicleId,
    pub vin: String,
    pub exclusion: Exclusion,
}

#[derive(FromRow)]
struct Row {
    vehicle_id: i64,
    vin: String,
    reason: String,
    hardware_id: Option<String>,
    versions: Option<String>,
}

/// Those that were left out, for `reason` if it is given, after `after`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn excluded(
    store: &Store,
    campaign: CampaignId,
    reason: Option<Reason>,
    after: Option<VehicleId>,
    limit: i64,
) -> Result<Vec<ExcludedVehicle>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT x.vehicle_id, v.vin, x.reason, x.hardware_id, x.versions
           FROM campaign_exclusions x JOIN vehicles v ON v.id = x.vehicle_id
          WHERE x.campaign_id = $1 AND ($2::text IS NULL OR x.reason = $2) AND x.vehicle_id > $3
          ORDER BY x.vehicle_id LIMIT $4",
    )
    .bind(campaign)
    .bind(reason.map(Reason::as_str))
    .bind(after.unwrap_or(0))
    .bind(limit)
    .fetch_all(store.pool())
    .await?;
    let parsed = rows.into_iter().map(|row| {
        let exclusion = exclusion(&row.reason, row.hardware_id.as_deref(), row.versions)?;
        Ok(ExcludedVehicle { vehicle: row.vehicle_id, vin: row.vin, exclusion })
    });
    parsed.collect()
}

/// How many were left out for what, the reason that took most first.
///
/// # Errors
/// [`StoreError`].
pub async fn exclusion_counts(store: &Store, campaign: CampaignId) -> Result<Vec<(Exclusion, u64)>, StoreError> {
    let rows: Vec<(String, Option<String>, Option<String>, i64)> = sqlx::query_as(
        "SELECT reason, hardware_id, versions, count(*) FROM campaign_exclusions
          WHERE campaign_id = $1 GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3",
    )
    .bind(campaign)
    .fetch_all(store.pool())
    .await?;
    let counts = rows.into_iter().map(|(reason, hardware_id, versions, vehicles)| {
        let exclusion = exclusion(&reason, hardware_id.as_deref(), versions)?;
        Ok((exclusion, unsigned("campaign_exclusions", vehicles)?))
    });
    counts.collect()
}
