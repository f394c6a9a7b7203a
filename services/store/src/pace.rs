//! The rate of campaigns that adapt theirs.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use otaru_domain::id::CampaignId;
use otaru_domain::rollout::PaceReason;
use otaru_domain::topic;
use sqlx::FromRow;
use sqlx::types::Json;

use crate::campaigns::unsigned;
use crate::{StoreError, Tx};

/// How fast a campaign is offered, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    pub per_minute: u64,
    pub adapted_at: DateTime<Utc>,
    pub reason: PaceReason,
    /// What had ended by then, and failed.
    pub seen: (u64, u64),
}

#[derive(FromRow)]
struct Row {
    campaign_id: CampaignId,
    per_minute: i64,
    adapted_at: DateTime<Utc>,
    reason: Json<PaceReason>,
    seen_finished: i64,
    seen_failed: i64,
}

/// The paces of those of `ids` that were looked at.
pub(crate) async fn of(tx: &mut Tx, ids: &[CampaignId]) -> Result<HashMap<CampaignId, Pace>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT campaign_id, per_minute, adapted_at, reason, seen_finished, seen_failed FROM campaign_pace
          WHERE campaign_id = ANY($1) AND per_minute IS NOT NULL AND adapted_at IS NOT NULL AND reason IS NOT NULL",
    )
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    let count = |value: i64| unsigned("campaign_pace", value);
    let pace = |row: Row| {
        let seen = (count(row.seen_finished)?, count(row.seen_failed)?);
        let per_minute = count(row.per_minute)?;
        Ok((row.campaign_id, Pace { per_minute, adapted_at: row.adapted_at, reason: row.reason.0, seen }))
    };
    rows.into_iter().map(pace).collect()
}

/// Notes how fast a campaign is offered from now on.
///
/// # Errors
/// [`StoreError`].
pub async fn set(tx: &mut Tx, id: CampaignId, pace: &Pace) -> Result<(), StoreError> {
    let signed = |value: u64| i64::try_from(value).map_err(|error| StoreError::inconsistent("campaign_pace", error));
    sqlx::query(
        "INSERT INTO campaign_pace (campaign_id, refilled_at, per_minute, adapted_at, reason, seen_finished, seen_failed)
         VALUES ($1, clock_timestamp(), $2, $3, $4, $5, $6)
         ON CONFLICT (campaign_id) DO UPDATE
            SET per_minute = $2, adapted_at = $3, reason = $4, seen_finished = $5, seen_failed = $6",
    )
    .bind(id)
    .bind(signed(pace.per_minute)?)
    .bind(pace.adapted_at)
    .bind(Json(&pace.reason))
    .bind(signed(pace.seen.0)?)
    .bind(signed(pace.seen.1)?)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How long the oldest acknowledgement waits to be applied.
///
/// # Errors
/// [`StoreError`].
pub async fn behind(tx: &mut Tx) -> Result<Duration, StoreError> {
    let secs: f64 = sqlx::query_scalar(
        "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - behind_since)), 0)::float8 FROM consumer_offsets
          WHERE consumer = 'acks' AND topic = $1 AND high_offset > next_offset",
    )
    .bind(topic::ACKS)
    .fetch_one(&mut **tx)
    .await?;
    Ok(Duration::try_from_secs_f64(secs.max(0.0)).unwrap_or(Duration::MAX))
}
