//! Where campaigns stand: the row, the waves and their counters, read as of one moment, which is all that
//! the planner decides by and all that progress shows. A poll costs the same for ten vehicles and ten million.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::campaign::{CampaignState, WavePlan};
use otaru_domain::id::CampaignId;
use otaru_domain::planner::{CampaignFacts, StateCounts, WaveFacts};
use sqlx::FromRow;

use super::{Campaign, Row, select, unsigned};
use crate::{Store, StoreError, Tx};

/// A step of a campaign's rollout plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Wave {
    /// 1 for the first.
    pub number: u32,
    pub share_ratio: f64,
    pub gate_installed_ratio: f64,
    /// Its members, once the campaign started.
    pub size: Option<u64>,
    /// The highest rank in it, once the campaign started.
    pub cutoff: Option<u64>,
    pub opened_at: Option<DateTime<Utc>>,
    /// Vehicles per state; states without any are left out.
    pub counts: StateCounts,
}

/// A campaign with its waves.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub campaign: Campaign,
    /// By number.
    pub waves: Vec<Wave>,
}

impl Standing {
    /// What the planner needs to know.
    #[must_use]
    pub fn facts(&self) -> CampaignFacts {
        let wave = |wave: &Wave| WaveFacts {
            number: wave.number,
            size: wave.size.unwrap_or(0),
            opened_at: wave.opened_at,
            gate_installed_ratio: wave.gate_installed_ratio,
            counts: wave.counts.clone(),
        };
        CampaignFacts {
            state: self.campaign.state,
            start_at: self.campaign.start_at,
            deadline: self.campaign.deadline,
            closing: self.campaign.closing,
            swept: self.campaign.swept_at.is_some(),
            waves: self.waves.iter().map(wave).collect(),
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

#[derive(FromRow)]
struct WaveRow {
    campaign_id: i64,
    number: i32,
    share_ratio: f64,
    gate_installed_ratio: f64,
    size: Option<i64>,
    cutoff: Option<i64>,
    opened_at: Option<DateTime<Utc>>,
}

/// One campaign.
///
/// # Errors
/// [`StoreError`].
pub async fn standing(store: &Store, id: CampaignId) -> Result<Option<Standing>, StoreError> {
    let mut tx = as_of_one_moment(store).await?;
    let rows = sqlx::query_as(select!("WHERE id = $1")).bind(id).fetch_all(&mut *tx).await?;
    Ok(with_waves(&mut tx, rows).await?.pop())
}

/// The campaigns below `before` (all without it), newest first; of one state if it is given.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    store: &Store,
    state: Option<CampaignState>,
    before: Option<CampaignId>,
    limit: i64,
) -> Result<Vec<Standing>, StoreError> {
    let mut tx = as_of_one_moment(store).await?;
    let rows = sqlx::query_as(select!(
        "WHERE ($1::text IS NULL OR state = $1) AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"
    ));
    let rows = rows.bind(state.map(CampaignState::as_str)).bind(before).bind(limit).fetch_all(&mut *tx).await?;
    with_waves(&mut tx, rows).await
}

/// The campaigns that something may still have to happen to: submitted, and not yet ended and swept.
///
/// # Errors
/// [`StoreError`].
pub async fn unfinished(store: &Store) -> Result<Vec<Standing>, StoreError> {
    let mut tx = as_of_one_moment(store).await?;
    let rows = sqlx::query_as(select!(
        "WHERE state IN ('scheduled', 'running', 'paused', 'halted')
            OR (state = 'cancelled' AND closing IS NOT NULL AND swept_at IS NULL)
         ORDER BY id"
    ))
    .fetch_all(&mut *tx)
    .await?;
    with_waves(&mut tx, rows).await
}

/// The waves of a campaign, within a transaction and without counters.
///
/// # Errors
/// [`StoreError`].
pub async fn waves_of(tx: &mut Tx, id: CampaignId) -> Result<Vec<Wave>, StoreError> {
    Ok(waves(tx, &[id]).await?.remove(&id).unwrap_or_default())
}

/// The rollout plan of a campaign, as it was asked for.
///
/// # Errors
/// [`StoreError`].
pub async fn plan_of(tx: &mut Tx, id: CampaignId) -> Result<Vec<WavePlan>, StoreError> {
    let waves = waves_of(tx, id).await?;
    let plan = |wave: Wave| WavePlan { share_ratio: wave.share_ratio, gate_installed_ratio: wave.gate_installed_ratio };
    Ok(waves.into_iter().map(plan).collect())
}

/// Vehicles of the campaign that have not reached an end.
///
/// # Errors
/// [`StoreError`].
pub async fn left(tx: &mut Tx, id: CampaignId) -> Result<u64, StoreError> {
    let ended: Vec<&str> =
        AssignmentState::ALL.into_iter().filter(|state| state.is_terminal()).map(AssignmentState::as_str).collect();
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT coalesce(sum(size), 0) FROM campaign_waves WHERE campaign_id = $1)::bigint
              - (SELECT coalesce(sum(vehicles), 0) FROM assignment_counters
                 WHERE campaign_id = $1 AND state = ANY($2))::bigint",
    )
    .bind(id)
    .bind(ended)
    .fetch_one(&mut **tx)
    .await?;
    unsigned("assignment_counters", left)
}

pub(crate) async fn as_of_one_moment(store: &Store) -> Result<Tx, StoreError> {
    let mut tx = store.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *tx).await?;
    Ok(tx)
}

async fn with_waves(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Standing>, StoreError> {
    let campaigns = rows.into_iter().map(Campaign::try_from).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<CampaignId> = campaigns.iter().map(|campaign| campaign.id).collect();
    let mut waves = waves(tx, &ids).await?;
    let counters: Vec<(i64, i32, String, i64)> = sqlx::query_as(
        "SELECT campaign_id, wave, state, sum(vehicles)::bigint FROM assignment_counters
         WHERE campaign_id = ANY($1) GROUP BY campaign_id, wave, state HAVING sum(vehicles) <> 0",
    )
    .bind(&ids)
    .fetch_all(&mut **tx)
    .await?;
    for (campaign, wave, state, vehicles) in counters {
        let state: AssignmentState =
            state.parse().map_err(|error| StoreError::inconsistent("assignment_counters", error))?;
        let known = waves
            .get_mut(&campaign)
            .and_then(|waves| waves.iter_mut().find(|known| i64::from(known.number) == i64::from(wave)));
        let known = known.ok_or_else(|| {
            StoreError::inconsistent("assignment_counters", format!("campaign {campaign} has no wave {wave}"))
        })?;
        known.counts.insert(state, unsigned("assignment_counters", vehicles)?);
    }
    let standing = |campaign: Campaign| {
        let waves = waves.remove(&campaign.id).unwrap_or_default();
        Standing { campaign, waves }
    };
    Ok(campaigns.into_iter().map(standing).collect())
}

async fn waves(tx: &mut Tx, ids: &[CampaignId]) -> Result<BTreeMap<CampaignId, Vec<Wave>>, StoreError> {
    let rows: Vec<WaveRow> = sqlx::query_as(
        "SELECT campaign_id, number, share_ratio, gate_installed_ratio, size, cutoff, opened_at
         FROM campaign_waves WHERE campaign_id = ANY($1) ORDER BY campaign_id, number",
    )
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    let mut waves: BTreeMap<CampaignId, Vec<Wave>> = BTreeMap::new();
    for row in rows {
        let number = u32::try_from(row.number)
            .map_err(|_| StoreError::inconsistent("campaign_waves", format!("wave {}", row.number)))?;
        waves.entry(row.campaign_id).or_default().push(Wave {
            number,
            share_ratio: row.share_ratio,
            gate_installed_ratio: row.gate_installed_ratio,
            size: row.size.map(|size| unsigned("campaign_waves", size)).transpose()?,
            cutoff: row.cutoff.map(|cutoff| unsigned("campaign_waves", cutoff)).transpose()?,
            opened_at: row.opened_at,
            counts: StateCounts::new(),
        });
    }
    Ok(waves)
}
