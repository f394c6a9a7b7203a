//! The waves of campaigns: their plan, and what is known of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, Vin};
use otaru_domain::planner::{StateCounts, WaveFacts};
use otaru_domain::rollout::{Gate, Outcomes, WavePlan};
use sqlx::FromRow;
use sqlx::types::Json;

use super::unsigned;
use crate::{StoreError, Tx};

/// A step of a campaign's rollout plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Wave {
    /// 1 for the first.
    pub number: u32,
    pub plan: WavePlan,
    /// Its members, once the campaign started.
    pub size: Option<u64>,
    /// The highest rank in it, once the campaign started; none in a listed wave.
    pub cutoff: Option<u64>,
    pub opened_at: Option<DateTime<Utc>>,
    pub gate_met_at: Option<DateTime<Utc>>,
    pub approved_at: Option<DateTime<Utc>>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// What had ended when the campaign was last resumed after a halt.
    pub forgiven: Outcomes,
    /// Vehicles per state; states without any are left out.
    pub counts: StateCounts,
    /// How earlier attempts of its vehicles ended.
    pub earlier: StateCounts,
    pub healthy: u64,
    pub unhealthy: u64,
}

impl Wave {
    /// What the planner needs to know.
    #[must_use]
    pub fn facts(&self) -> WaveFacts {
        WaveFacts {
            number: self.number,
            size: self.size.unwrap_or(0),
            opened_at: self.opened_at,
            gate_installed_ratio: self.plan.gate_installed_ratio,
            gate: self.plan.gate.clone(),
            counts: self.counts.clone(),
            earlier: self.earlier.clone(),
            healthy: self.healthy,
            unhealthy: self.unhealthy,
            forgiven: self.forgiven,
            gate_met_at: self.gate_met_at,
            approved_at: self.approved_at,
        }
    }
}

#[derive(FromRow)]
struct Row {
    campaign_id: i64,
    number: i32,
    share_ratio: Option<f64>,
    take_count: Option<i64>,
    expression: Option<String>,
    vins: Option<Vec<String>>,
    gate_installed_ratio: f64,
    gate: Json<Gate>,
    size: Option<i64>,
    cutoff: Option<i64>,
    opened_at: Option<DateTime<Utc>>,
    gate_met_at: Option<DateTime<Utc>>,
    approved_at: Option<DateTime<Utc>>,
    approved_by: Option<String>,
    forgiven_finished: i64,
    forgiven_failed: i64,
}

impl TryFrom<Row> for Wave {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let count = |value: i64| unsigned("campaign_waves", value);
        let number = u32::try_from(row.number)
            .map_err(|_| StoreError::inconsistent("campaign_waves", format!("wave {}", row.number)))?;
        let vins = row.vins.map(|vins| vins.iter().map(|vin| Vin::parse(vin)).collect::<Result<Vec<_>, _>>());
        let vins = vins.transpose().map_err(|error| StoreError::inconsistent("campaign_waves", error))?;
        let size = row.size.map(count).transpose()?;
        Ok(Self {
            number,
            plan: WavePlan {
                share_ratio: row.share_ratio,
                count: row.take_count.map(count).transpose()?,
                expression: row.expression,
                vins,
                gate_installed_ratio: row.gate_installed_ratio,
                gate: row.gate.0,
            },
            size,
            cutoff: row.cutoff.map(count).transpose()?,
            opened_at: row.opened_at,
            gate_met_at: row.gate_met_at,
            approved_at: row.approved_at,
            approved_by: row.approved_by,
            forgiven: Outcomes {
                size: size.unwrap_or(0),
                finished: count(row.forgiven_finished)?,
                failed: count(row.forgiven_failed)?,
            },
            counts: StateCounts::new(),
            earlier: StateCounts::new(),
            healthy: 0,
            unhealthy: 0,
        })
    }
}

/// Writes the waves of a campaign that has none.
pub(super) async fn create(tx: &mut Tx, id: CampaignId, waves: &[WavePlan]) -> Result<(), StoreError> {
    for (number, wave) in (1_i32..).zip(waves) {
        let count = wave.count.map(i64::try_from).transpose();
        let vins: Option<Vec<&str>> = wave.vins.as_ref().map(|vins| vins.iter().map(Vin::as_str).collect());
        sqlx::query(
            "INSERT INTO campaign_waves (campaign_id, number, share_ratio, take_count, expression, vins,
                                         gate_installed_ratio, gate)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id)
        .bind(number)
        .bind(wave.share_ratio)
        .bind(count.map_err(|error| StoreError::inconsistent("campaign_waves", error))?)
        .bind(&wave.expression)
        .bind(vins)
        .bind(wave.gate_installed_ratio)
        .bind(Json(&wave.gate))
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// The waves of a campaign, within a transaction and without counters.
///
/// # Errors
/// [`StoreError`].
pub async fn waves_of(tx: &mut Tx, id: CampaignId) -> Result<Vec<Wave>, StoreError> {
    Ok(waves(tx, &[id]).await?.remove(&id).unwrap_or_default())
}

pub(super) async fn waves(tx: &mut Tx, ids: &[CampaignId]) -> Result<BTreeMap<CampaignId, Vec<Wave>>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT campaign_id, number, share_ratio, take_count, expression, vins, gate_installed_ratio, gate, size, cutoff,
                opened_at, gate_met_at, approved_at, approved_by, forgiven_finished, forgiven_failed
         FROM campaign_waves WHERE campaign_id = ANY($1) ORDER BY campaign_id, number",
    )
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    let mut waves: BTreeMap<CampaignId, Vec<Wave>> = BTreeMap::new();
    for row in rows {
        waves.entry(row.campaign_id).or_default().push(row.try_into()?);
    }
    Ok(waves)
}

async fn change_wave(
    tx: &mut Tx,
    id: CampaignId,
    number: u32,
    statement: &'static str,
    at: Option<DateTime<Utc>>,
    actor: Option<&str>,
) -> Result<bool, StoreError> {
    let number = i32::try_from(number).map_err(|error| StoreError::inconsistent("campaign_waves", error))?;
    let query = sqlx::query(statement).bind(id).bind(number).bind(at);
    let query = if let Some(actor) = actor { query.bind(actor) } else { query };
    Ok(query.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Notes since when the wave's gate holds, or that it does not. Gives whether that is news.
///
/// # Errors
/// [`StoreError`].
pub async fn note_gate(
    tx: &mut Tx,
    id: CampaignId,
    number: u32,
    met_at: Option<DateTime<Utc>>,
) -> Result<bool, StoreError> {
    let statement = "UPDATE campaign_waves SET gate_met_at = $3
                      WHERE campaign_id = $1 AND number = $2 AND (gate_met_at IS NULL) <> ($3 IS NULL)";
    change_wave(tx, id, number, statement, met_at, None).await
}

/// Notes that `actor` approved how the wave went. Gives whether nobody had, and the wave is open.
///
/// # Errors
/// [`StoreError`].
pub async fn approve(
    tx: &mut Tx,
    id: CampaignId,
    number: u32,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let statement = "UPDATE campaign_waves SET approved_at = $3, approved_by = $4
                      WHERE campaign_id = $1 AND number = $2 AND approved_at IS NULL AND opened_at IS NOT NULL";
    change_wave(tx, id, number, statement, Some(now), Some(actor)).await
}

/// Notes what has ended in each wave: what halted the campaign does not halt it again once it is resumed.
///
/// # Errors
/// [`StoreError`].
pub async fn forgive(tx: &mut Tx, id: CampaignId, outcomes: &[(u32, Outcomes)]) -> Result<(), StoreError> {
    let signed = |value: u64| i64::try_from(value).map_err(|error| StoreError::inconsistent("campaign_waves", error));
    for (number, outcomes) in outcomes {
        sqlx::query(
            "UPDATE campaign_waves SET forgiven_finished = $3, forgiven_failed = $4 WHERE campaign_id = $1 AND number = $2",
        )
        .bind(id)
        .bind(i64::from(*number))
        .bind(signed(outcomes.finished)?)
        .bind(signed(outcomes.failed)?)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}
