//! How campaigns change: each function in somebody's transaction, under the campaign's row lock.

use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::campaign::CampaignState;
use otaru_domain::id::{CampaignId, ReleaseId, VehicleId};
use otaru_domain::rollout::{Policy, WavePlan};
use sqlx::types::Json;

use super::{Campaign, Row, select};
use crate::{StoreError, Tx};

/// What a campaign is created from, after it was checked.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    pub release: ReleaseId,
    pub salt: String,
    pub settings: Settings,
}

/// What may be said of a campaign until it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub name: String,
    pub target: String,
    pub precondition: Option<String>,
    pub policy: Policy,
    pub priority: i32,
    pub start_at: Option<DateTime<Utc>>,
    pub deadline: DateTime<Utc>,
    pub waves: Vec<WavePlan>,
}

/// Creates a draft.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut Tx, new: &NewCampaign, actor: &str, now: DateTime<Utc>) -> Result<CampaignId, StoreError> {
    let settings = &new.settings;
    let id: CampaignId = sqlx::query_scalar(
        "INSERT INTO campaigns (name, release_id, target, precondition, state, state_by, state_at, start_at, deadline,
                                salt, created_at, created_by, policy, priority)
         VALUES ($1, $2, $3, $4, 'draft', $5, $6, $7, $8, $9, $6, $5, $10, $11) RETURNING id",
    )
    .bind(&settings.name)
    .bind(new.release)
    .bind(&settings.target)
    .bind(&settings.precondition)
    .bind(actor)
    .bind(now)
    .bind(settings.start_at)
    .bind(settings.deadline)
    .bind(&new.salt)
    .bind(Json(&settings.policy))
    .bind(settings.priority)
    .fetch_one(&mut **tx)
    .await?;
    super::waves::create(tx, id, &settings.waves).await?;
    Ok(id)
}

/// Changes a campaign that is locked and has not started.
///
/// # Errors
/// [`StoreError`].
pub async fn revise(
    tx: &mut Tx,
    id: CampaignId,
    settings: &Settings,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE campaigns SET name = $2, target = $3, precondition = $4, start_at = $5, deadline = $6, policy = $7,
                              priority = $8, changed_by = $9, changed_at = $10
         WHERE id = $1 AND started_at IS NULL",
    )
    .bind(id)
    .bind(&settings.name)
    .bind(&settings.target)
    .bind(&settings.precondition)
    .bind(settings.start_at)
    .bind(settings.deadline)
    .bind(Json(&settings.policy))
    .bind(settings.priority)
    .bind(actor)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    one(changed.rows_affected(), id)?;
    sqlx::query("DELETE FROM campaign_waves WHERE campaign_id = $1").bind(id).execute(&mut **tx).await?;
    super::waves::create(tx, id, &settings.waves).await
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

/// Notes that so many vehicles joined.
pub(crate) async fn add_members(tx: &mut Tx, id: CampaignId, joined: u64) -> Result<(), StoreError> {
    let joined = i64::try_from(joined).map_err(|error| StoreError::inconsistent("campaigns", error))?;
    let changed = sqlx::query("UPDATE campaigns SET members = members + $2 WHERE id = $1")
        .bind(id)
        .bind(joined)
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
