//! What was expected of running campaigns, kept so that it can be held against how they ended.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::id::CampaignId;
use otaru_domain::rehearsal::{FinishBand, Milestone};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::{Store, StoreError, Tx};

/// A forecast as it was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kept {
    pub made_at: DateTime<Utc>,
    pub runs: u32,
    /// None when all runs halted.
    pub band: Option<FinishBand>,
    pub late_ratio: f64,
    pub false_halt_ratio: f64,
    /// Vehicles of past campaigns that it was measured from.
    pub measured_from: u64,
}

#[derive(FromRow)]
struct Row {
    made_at: DateTime<Utc>,
    runs: i32,
    p10_at: Option<DateTime<Utc>>,
    p50_at: Option<DateTime<Utc>>,
    p90_at: Option<DateTime<Utc>>,
    late_ratio: f64,
    false_halt_ratio: f64,
    measured_from: i64,
}

impl TryFrom<Row> for Kept {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let wrong = |error: std::num::TryFromIntError| StoreError::inconsistent("campaign_forecasts", error);
        let band = match (row.p10_at, row.p50_at, row.p90_at) {
            (Some(p10_at), Some(p50_at), Some(p90_at)) => Some(FinishBand { p10_at, p50_at, p90_at }),
            (None, None, None) => None,
            _ => return Err(StoreError::inconsistent("campaign_forecasts", "a part of a band")),
        };
        Ok(Self {
            made_at: row.made_at,
            runs: u32::try_from(row.runs).map_err(wrong)?,
            band,
            late_ratio: row.late_ratio,
            false_halt_ratio: row.false_halt_ratio,
            measured_from: u64::try_from(row.measured_from).map_err(wrong)?,
        })
    }
}

/// Keeps a forecast; one of the same moment stays as it is. The first one's milestones are kept, too: the campaign's plan.
///
/// # Errors
/// [`StoreError`].
pub async fn keep(
    tx: &mut Tx,
    campaign: CampaignId,
    forecast: &Kept,
    milestones: &[Milestone],
) -> Result<(), StoreError> {
    let wrong = |error: std::num::TryFromIntError| StoreError::inconsistent("campaign_forecasts", error);
    sqlx::query(
        "INSERT INTO campaign_forecasts (campaign_id, made_at, runs, p10_at, p50_at, p90_at, late_ratio, false_halt_ratio,
                                         measured_from, milestones)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9,
                CASE WHEN NOT EXISTS (SELECT FROM campaign_forecasts WHERE campaign_id = $1) THEN $10::jsonb END
         ON CONFLICT DO NOTHING",
    )
    .bind(campaign)
    .bind(forecast.made_at)
    .bind(i32::try_from(forecast.runs).map_err(wrong)?)
    .bind(forecast.band.map(|band| band.p10_at))
    .bind(forecast.band.map(|band| band.p50_at))
    .bind(forecast.band.map(|band| band.p90_at))
    .bind(forecast.late_ratio)
    .bind(forecast.false_halt_ratio)
    .bind(i64::try_from(forecast.measured_from).map_err(wrong)?)
    .bind(Json(milestones))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// When each of the campaigns was last forecast.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(
    store: &Store,
    campaigns: &[CampaignId],
) -> Result<BTreeMap<CampaignId, DateTime<Utc>>, StoreError> {
    let rows: Vec<(CampaignId, DateTime<Utc>)> = sqlx::query_as(
        "SELECT campaign_id, max(made_at) FROM campaign_forecasts WHERE campaign_id = ANY($1) GROUP BY campaign_id",
    )
    .bind(campaigns)
    .fetch_all(store.pool())
    .await?;
    Ok(rows.into_iter().collect())
}

/// A campaign's plan: when its first forecast was made, and its milestones.
///
/// # Errors
/// [`StoreError`].
pub async fn planned(
    store: &Store,
    campaign: CampaignId,
) -> Result<Option<(DateTime<Utc>, Vec<Milestone>)>, StoreError> {
    let row: Option<(DateTime<Utc>, Json<Vec<Milestone>>)> = sqlx::query_as(
        "SELECT made_at, milestones FROM campaign_forecasts WHERE campaign_id = $1 AND milestones IS NOT NULL
          ORDER BY made_at LIMIT 1",
    )
    .bind(campaign)
    .fetch_optional(store.pool())
    .await?;
    Ok(row.map(|(made_at, milestones)| (made_at, milestones.0)))
}

/// A campaign's forecasts, the newest first, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn of(store: &Store, campaign: CampaignId, limit: i64) -> Result<Vec<Kept>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT made_at, runs, p10_at, p50_at, p90_at, late_ratio, false_halt_ratio, measured_from
           FROM campaign_forecasts WHERE campaign_id = $1 ORDER BY made_at DESC LIMIT $2",
    )
    .bind(campaign)
    .bind(limit)
    .fetch_all(store.pool())
    .await?;
    rows.into_iter().map(Kept::try_from).collect()
}
