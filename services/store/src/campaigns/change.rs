//! How campaigns change: each function in somebody's transaction, under the campaign's row lock.

use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::campaign::{CampaignState, WavePlan};
use otaru_domain::id::{CampaignId, ReleaseId, VehicleId};

use super::{Campaign, Row, select};
use crate::{StoreError, Tx};

/// What a campaign is created from, after it was checked.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    pub name: String,
    pub release: ReleaseId,
    pub target: String,
    pub precondition: Option<String>,
    pub start_at: Option<DateTime<Utc>>,
    pub deadline: DateTime<Utc>,
    pub salt: String,
    pub waves: Vec<WavePlan>,
}

/// Creates a draft.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut Tx, new: &NewCampaign, actor: &str, now: DateTime<Utc>) -> Result<CampaignId, StoreError> {
    let id: CampaignId = sqlx::query_scalar(
        "INSERT INTO campaigns (name, release_id, target, precondition, state, state_by, state_at, start_at, deadline,
                                salt, created_at, created_by)
         VALUES ($1, $2, $3, $4, 'draft', $5, $6, $7, $8, $9, $6, $5) RETURNING id",
    )
    .bind(&new.name)
    .bind(new.release)
    .bind(&new.target)
    .bind(&new.precondition)
    .bind(actor)
    .bind(now)
    .bind(new.start_at)
    .bind(new.deadline)
    .bind(&new.salt)
    .fetch_one(&mut **tx)
    .await?;
    add_waves(tx, id, &new.waves).await?;
    Ok(id)
}

/// Adds the waves of a campaign that has none.
pub(crate) async fn add_waves(tx: &mut Tx, id: CampaignId, waves: &[WavePlan]) -> Result<(), StoreError> {
    let shares: Vec<f64> = waves.iter().map(|wave| wave.share_ratio).collect();
    let gates: Vec<f64> = waves.iter().map(|wave| wave.gate_installed_ratio).collect();
    sqlx::query(
        "INSERT INTO campaign_waves (campaign_id, number, share_ratio, gate_installed_ratio)
         SELECT $1, w.number, w.share, w.gate
         FROM unnest($2::double precision[], $3::double precision[]) WITH ORDINALITY AS w (share, gate, number)",
    )
    .bind(id)
    .bind(shares)
    .bind(gates)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The campaign, locked until the transaction ends.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(tx: &mut Tx, id: CampaignId) -> Result<Option<Campaign>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR NO KEY UPDATE")).bind(id).fetch_optional(&mut **tx).await?;
    row.map(Campaign::try_from).transpose()
}

/// Moves the campaign to `state`.
///
/// # Errors
/// [`StoreError`].
pub async fn set_state(
    tx: &mut Tx,
    id: CampaignId,
    state: CampaignState,
    actor: &str,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE campaigns SET state = $2, state_by = $3, state_reason = $4, state_at = $5, ended_at = $6 WHERE id = $1",
    )
    .bind(id)
    .bind(state.as_str())
    .bind(actor)
    .bind(reason)
    .bind(now)
    .bind(state.has_ended().then_some(now))
    .execute(&mut **tx)
    .await?;
    one(changed.rows_affected(), id)
}

/// Notes why the campaign is where it is; whether that is news.
///
/// # Errors
/// [`StoreError`].
pub async fn set_reason(tx: &mut Tx, id: CampaignId, reason: &str) -> Result<bool, StoreError> {
    let changed =
        sqlx::query("UPDATE campaigns SET state_reason = $2 WHERE id = $1 AND state_reason IS DISTINCT FROM $2")
            .bind(id)
            .bind(reason)
            .execute(&mut **tx)
            .await?;
    Ok(changed.rows_affected() == 1)
}

/// Notes that the membership was frozen.
pub(crate) async fn set_members(
    tx: &mut Tx,
    id: CampaignId,
    members: u64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let members = i64::try_from(members).map_err(|error| StoreError::inconsistent("campaigns", error))?;
    let changed =
        sqlx::query("UPDATE campaigns SET members = $2, started_at = $3 WHERE id = $1 AND started_at IS NULL")
            .bind(id)
            .bind(members)
            .bind(now)
            .execute(&mut **tx)
            .await?;
    one(changed.rows_affected(), id)
}

/// Begins to close the campaign: what is left gets `exit`.
///
/// # Errors
/// [`StoreError`].
pub async fn set_closing(tx: &mut Tx, id: CampaignId, exit: AssignmentState) -> Result<(), StoreError> {
    let changed = sqlx::query("UPDATE campaigns SET closing = $2 WHERE id = $1 AND closing IS NULL")
        .bind(id)
        .bind(exit.as_str())
        .execute(&mut **tx)
        .await?;
    one(changed.rows_affected(), id)
}

/// Notes how far the withdrawals are written.
///
/// # Errors
/// [`StoreError`].
pub async fn set_sweep_after(tx: &mut Tx, id: CampaignId, after: VehicleId) -> Result<(), StoreError> {
    let changed = sqlx::query("UPDATE campaigns SET sweep_after = $2 WHERE id = $1 AND sweep_after < $2")
        .bind(id)
        .bind(after)
        .execute(&mut **tx)
        .await?;
    one(changed.rows_affected(), id)
}

/// Notes that the withdrawals are all written.
///
/// # Errors
/// [`StoreError`].
pub async fn set_swept(tx: &mut Tx, id: CampaignId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let changed = sqlx::query("UPDATE campaigns SET swept_at = $2 WHERE id = $1 AND swept_at IS NULL")
        .bind(id)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    one(changed.rows_affected(), id)
}

fn one(rows_affected: u64, id: CampaignId) -> Result<(), StoreError> {
    if rows_affected == 1 {
        Ok(())
    } else {
        Err(StoreError::inconsistent("campaigns", format!("campaign {id} is not as it was when it was locked")))
    }
}
