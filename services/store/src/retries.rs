//! What is tried again: attempts that failed in a way the campaign's policy covers. A vehicle gets its next attempt by
//! a message of the engine on `otaru.acks`, like everything else that happens to an assignment.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, Vin};
use otaru_domain::rollout::Retry;

use crate::campaigns::{Campaign, unsigned};
use crate::waves::{Leftover, leftovers};
use crate::{StoreError, Tx};

/// The assignments `a` of campaign $1 that ended in a way that a policy tries again: $2 its bound, $3 its codes (all when
/// empty), $4 whether time-outs count. `f` is the failure, if there is one.
macro_rules! covered {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " FROM assignments a",
            " LEFT JOIN assignment_failures f ON f.campaign_id = a.campaign_id AND f.vehicle_id = a.vehicle_id",
            " AND f.attempt = a.attempt AND f.state <> 'declined'",
            " JOIN vehicles v ON v.id = a.vehicle_id AND v.retired_at IS NULL",
            " WHERE a.campaign_id = $1 AND a.attempt < $2",
            " AND ((a.state IN ('failed', 'rolled_back') AND (cardinality($3::text[]) = 0 OR f.error_code = ANY($3)))",
            " OR (a.state = 'timed_out' AND $4)) ",
            $after
        )
    };
}

fn bound(retry: &Retry) -> i32 {
    i32::try_from(retry.max_attempts).unwrap_or(i32::MAX)
}

/// How many vehicles of each campaign have ended and will be tried again.
pub(crate) async fn pending(tx: &mut Tx, campaigns: &[&Campaign]) -> Result<BTreeMap<CampaignId, u64>, StoreError> {
    let mut pending = BTreeMap::new();
    for campaign in campaigns {
        let Some(retry) = &campaign.policy.retry else { continue };
        let count: i64 = sqlx::query_scalar(covered!("SELECT count(*)", ""))
            .bind(campaign.id)
            .bind(bound(retry))
            .bind(&retry.error_codes)
            .bind(retry.timed_out)
            .fetch_one(&mut **tx)
            .await?;
        pending.insert(campaign.id, unsigned("assignments", count)?);
    }
    Ok(pending)
}

/// Up to `limit` attempts of a campaign that have ended and whose pause is over.
///
/// # Errors
/// [`StoreError`].
pub async fn due(
    tx: &mut Tx,
    campaign: CampaignId,
    retry: &Retry,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Leftover>, StoreError> {
    let pauses: Vec<f64> = (2..=retry.max_attempts)
        .map(|next| f64::from(u32::try_from(retry.pause_secs(next)).unwrap_or(u32::MAX)))
        .collect();
    let rows: Vec<(String, i32)> = sqlx::query_as(covered!(
        "SELECT v.vin, a.attempt",
        "AND a.updated_at + make_interval(secs => ($5::float8[])[a.attempt]) <= $6 ORDER BY a.vehicle_id LIMIT $7"
    ))
    .bind(campaign)
    .bind(bound(retry))
    .bind(&retry.error_codes)
    .bind(retry.timed_out)
    .bind(pauses)
    .bind(now)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    leftovers(rows)
}

/// Which of a campaign's failed vehicles a person tries again; all of them without a choice.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    pub error_code: Option<String>,
    pub wave: Option<u32>,
    pub vins: Option<Vec<Vin>>,
}

/// Up to `limit` attempts of a campaign that failed, rolled back or timed out, by a person's choice.
///
/// # Errors
/// [`StoreError`].
pub async fn chosen(
    tx: &mut Tx,
    campaign: CampaignId,
    choice: &Choice,
    limit: i64,
) -> Result<Vec<Leftover>, StoreError> {
    let vins: Option<Vec<&str>> = choice.vins.as_ref().map(|vins| vins.iter().map(Vin::as_str).collect());
    let rows: Vec<(String, i32)> = sqlx::query_as(covered!(
        "SELECT v.vin, a.attempt",
        "AND ($5::text IS NULL OR f.error_code = $5) AND ($6::bigint IS NULL OR a.wave = $6)
         AND ($7::text[] IS NULL OR v.vin = ANY($7)) ORDER BY a.vehicle_id LIMIT $8"
    ))
    .bind(campaign)
    .bind(i32::MAX)
    .bind(Vec::<String>::new())
    .bind(true)
    .bind(&choice.error_code)
    .bind(choice.wave.map(i64::from))
    .bind(vins)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    leftovers(rows)
}
