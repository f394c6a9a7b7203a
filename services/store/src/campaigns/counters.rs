//! What the ingest counted of the waves of campaigns, summed over partitions.

use std::collections::BTreeMap;

use otaru_domain::ack::Health;
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::CampaignId;

use super::unsigned;
use super::waves::{Wave, waves};
use crate::{StoreError, Tx};

/// What a counter counts.
const STATE: i32 = 0;
const EARLIER: i32 = 1;
const HEALTH: i32 = 2;

/// The waves of campaigns with their counters.
pub(super) async fn with_counters(
    tx: &mut Tx,
    ids: &[CampaignId],
) -> Result<BTreeMap<CampaignId, Vec<Wave>>, StoreError> {
    let mut waves = waves(tx, ids).await?;
    let counters: Vec<(i32, i64, i32, String, i64)> = sqlx::query_as(
        "SELECT 0, campaign_id, wave, state, sum(vehicles)::bigint FROM assignment_counters
          WHERE campaign_id = ANY($1) GROUP BY campaign_id, wave, state HAVING sum(vehicles) <> 0
         UNION ALL
         SELECT 1, campaign_id, wave, state, sum(attempts)::bigint FROM attempt_counters
          WHERE campaign_id = ANY($1) GROUP BY campaign_id, wave, state HAVING sum(attempts) <> 0
         UNION ALL
         SELECT 2, campaign_id, wave, health, sum(vehicles)::bigint FROM health_counters
          WHERE campaign_id = ANY($1) GROUP BY campaign_id, wave, health HAVING sum(vehicles) <> 0",
    )
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    for (kind, campaign, wave, name, count) in counters {
        let wrong = |what: String| StoreError::inconsistent("assignment_counters", what);
        let known = waves
            .get_mut(&campaign)
            .and_then(|waves| waves.iter_mut().find(|known| i64::from(known.number) == i64::from(wave)))
            .ok_or_else(|| wrong(format!("campaign {campaign} has no wave {wave}")))?;
        let count = unsigned("assignment_counters", count)?;
        if kind == HEALTH {
            match Health::parse(&name).ok_or_else(|| wrong(format!("health {name}")))? {
                Health::Healthy => known.healthy = count,
                Health::Unhealthy => known.unhealthy = count,
            }
            continue;
        }
        let state: AssignmentState = name.parse().map_err(|error| wrong(format!("{error}")))?;
        match kind {
            STATE => known.counts.insert(state, count),
            EARLIER => known.earlier.insert(state, count),
            other => return Err(wrong(format!("counter {other}"))),
        };
    }
    Ok(waves)
}
