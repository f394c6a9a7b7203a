//! Where campaigns stand: the row, the waves and their counters, read as of one moment, which is all that
//! the planner decides by and all that progress shows. A poll costs the same for ten vehicles and ten million.

use otaru_domain::assignment::AssignmentState;
use otaru_domain::campaign::CampaignState;
use otaru_domain::id::{CampaignId, ReleaseId};
use otaru_domain::planner::{CampaignFacts, StateCounts};

use super::waves::Wave;
use super::{Campaign, Row, counters, select, unsigned};
use crate::pace::{self, Pace};
use crate::{Store, StoreError, Tx, retries};

/// A campaign with its waves.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub campaign: Campaign,
    /// By number.
    pub waves: Vec<Wave>,
    /// Vehicles that have ended and will be tried again.
    pub pending_retries: u64,
    /// The rate it has, if that adapts and was looked at.
    pub pace: Option<Pace>,
}

impl Standing {
    /// What the planner needs to know.
    #[must_use]
    pub fn facts(&self) -> CampaignFacts {
        CampaignFacts {
            state: self.campaign.state,
            start_at: self.campaign.start_at,
            deadline: self.campaign.deadline,
            closing: self.campaign.closing,
            swept: self.campaign.swept_at.is_some(),
            continuous: self.campaign.is_continuous(),
            halt: self.campaign.policy.halt.clone(),
            pending_retries: self.pending_retries,
            waves: self.waves.iter().map(Wave::facts).collect(),
        }
    }

    /// Vehicles per state in all waves.
    #[must_use]
    pub fn counts(&self) -> StateCounts {
        let mut sum = StateCounts::new();
        for (state, vehicles) in self.waves.iter().flat_map(|wave| &wave.counts) {
            *sum.entry(*state).or_default() += vehicles;
        }
        sum
    }
}

/// One campaign.
///
/// # Errors
/// [`StoreError`].
pub async fn standing(store: &Store, id: CampaignId) -> Result<Option<Standing>, StoreError> {
    let mut tx = store.begin_reading().await?;
    let rows = sqlx::query_as(select!("WHERE id = $1")).bind(id).fetch_all(&mut *tx).await?;
    Ok(with_waves(&mut tx, rows).await?.pop())
}

/// The campaigns below `before` (all without it), newest first; of one state and of one release if they are given.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    store: &Store,
    state: Option<CampaignState>,
    release: Option<ReleaseId>,
    before: Option<CampaignId>,
    limit: i64,
) -> Result<Vec<Standing>, StoreError> {
    let mut tx = store.begin_reading().await?;
    let rows = sqlx::query_as(select!(
        "WHERE ($1::text IS NULL OR state = $1) AND ($2::bigint IS NULL OR release_id = $2)
           AND ($3::bigint IS NULL OR id < $3) ORDER BY id DESC LIMIT $4"
    ));
    let rows = rows.bind(state.map(CampaignState::as_str)).bind(release).bind(before).bind(limit);
    let rows = rows.fetch_all(&mut *tx).await?;
    with_waves(&mut tx, rows).await
}

/// The campaigns that something may still have to happen to: submitted, and not yet ended and swept.
///
/// # Errors
/// [`StoreError`].
pub async fn unfinished(store: &Store) -> Result<Vec<Standing>, StoreError> {
    let mut tx = store.begin_reading().await?;
    let rows = sqlx::query_as(select!(
        "WHERE state IN ('scheduled', 'running', 'paused', 'halted')
            OR (state = 'cancelled' AND closing IS NOT NULL AND swept_at IS NULL)
         ORDER BY id"
    ))
    .fetch_all(&mut *tx)
    .await?;
    with_waves(&mut tx, rows).await
}

/// Vehicles of the campaign that have not reached an end.
///
/// # Errors
/// [`StoreError`].
pub async fn left(tx: &mut Tx, id: CampaignId) -> Result<u64, StoreError> {
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT coalesce(sum(size), 0) FROM campaign_waves WHERE campaign_id = $1)::bigint
              - (SELECT coalesce(sum(vehicles), 0) FROM assignment_counters
                 WHERE campaign_id = $1 AND state = ANY($2))::bigint",
    )
    .bind(id)
    .bind(AssignmentState::terminal_names())
    .fetch_one(&mut **tx)
    .await?;
    unsigned("assignment_counters", left)
}

async fn with_waves(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Standing>, StoreError> {
    let campaigns = rows.into_iter().map(Campaign::try_from).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<CampaignId> = campaigns.iter().map(|campaign| campaign.id).collect();
    let mut waves = counters::with_counters(tx, &ids).await?;
    let retrying: Vec<&Campaign> = campaigns
        .iter()
        .filter(|campaign| {
            campaign.policy.retry.is_some() && campaign.state.is_under_way() && campaign.closing.is_none()
        })
        .collect();
    let pending = retries::pending(tx, &retrying).await?;
    let mut paces = pace::of(tx, &ids).await?;
    let standing = |campaign: Campaign| {
        let waves = waves.remove(&campaign.id).unwrap_or_default();
        let pending_retries = pending.get(&campaign.id).copied().unwrap_or(0);
        let pace = paces.remove(&campaign.id);
        Standing { campaign, waves, pending_retries, pace }
    };
    Ok(campaigns.into_iter().map(standing).collect())
}
