//! The membership of a campaign, frozen when it starts. A vehicle's wave follows from its rank and the waves'
//! cutoffs alone, so that the signed document and these rows say the same of every member.

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, ModelId, ReleaseId};
use otaru_domain::rollout::WavePlan;
use otaru_domain::target::Target;

use super::exclude::Excluded;
use super::{candidates, exclude};
use crate::campaigns::{self, Campaign};
use crate::{Store, StoreError, Tx};

/// A membership that was frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// At least 1.
    pub members: u64,
    /// The models that have members.
    pub models: Vec<ModelId>,
}

/// What a campaign would begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Those that would be in it.
    pub matching: u64,
    pub waves: Vec<PreviewWave>,
    /// Those that its target selects and that would be left out.
    pub excluded: Vec<Excluded>,
    /// How many would wait for an update of the same ECU, by its campaign.
    pub behind: Vec<(CampaignId, u64)>,
}

/// A wave as it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewWave {
    pub size: u64,
    /// Those that go first in it, by VIN.
    pub sample: Vec<String>,
}

/// Writes who is in `campaign`, by `target` and its release's models, each in its wave, who was left out, and what the
/// waves amount to. When no vehicle is left, nothing was written, and why. The campaign is locked.
///
/// # Errors
/// [`StoreError`].
pub async fn freeze(
    tx: &mut Tx,
    campaign: &Campaign,
    plan: &[WavePlan],
    target: &Target,
    now: DateTime<Utc>,
) -> Result<Result<Frozen, Vec<Excluded>>, StoreError> {
    candidates::rank(tx, campaign.release, &campaign.salt, target).await?;
    exclude::mark(tx, campaign.release, now).await?;
    let excluded = exclude::summary(tx).await?;
    if !excluded.is_empty() {
        exclude::keep(tx, campaign.id).await?;
        exclude::take_out(tx).await?;
    }
    candidates::list(tx, plan).await?;
    let (members, ranked) = candidates::count(tx).await?;
    if members == 0 {
        candidates::drop(tx).await?;
        return Ok(Err(excluded));
    }
    let cut = candidates::cut(tx, plan, ranked).await?;
    sqlx::query(
        "INSERT INTO campaign_members (campaign_id, vehicle_id, rank, wave)
         SELECT $1, vehicle_id, rank, wave FROM pg_temp.candidates ORDER BY wave, vehicle_id",
    )
    .persistent(false)
    .bind(campaign.id)
    .execute(&mut **tx)
    .await?;
    write_waves(tx, campaign, plan, &cut).await?;
    campaigns::set_members(tx, campaign.id, members, now).await?;
    let models: Vec<String> = sqlx::query_scalar("SELECT DISTINCT model_id FROM pg_temp.candidates ORDER BY model_id")
        .persistent(false)
        .fetch_all(&mut **tx)
        .await?;
    candidates::drop(tx).await?;
    Ok(Ok(Frozen { members, models: campaigns::parse_models(&models)? }))
}

/// Writes what the waves amount to. `cut` are the cutoffs of those that are not listed.
async fn write_waves(tx: &mut Tx, campaign: &Campaign, plan: &[WavePlan], cut: &[i64]) -> Result<(), StoreError> {
    let mut cut = cut.iter();
    let cutoffs: Vec<Option<i64>> =
        plan.iter().map(|wave| if wave.selector().is_listed() { None } else { cut.next().copied() }).collect();
    let written = sqlx::query(
        "UPDATE campaign_waves AS w
         SET cutoff = c.cutoff,
             size = (SELECT count(*) FROM campaign_members m WHERE m.campaign_id = $1 AND m.wave = w.number)
         FROM unnest($2::bigint[]) WITH ORDINALITY AS c (cutoff, number)
         WHERE w.campaign_id = $1 AND w.number = c.number",
    )
    .bind(campaign.id)
    .bind(&cutoffs)
    .execute(&mut **tx)
    .await?;
    if written.rows_affected() == cutoffs.len() as u64 {
        Ok(())
    } else {
        Err(StoreError::inconsistent("campaign_waves", format!("campaign {} has other waves", campaign.id)))
    }
}

/// What a campaign with this target and this salt would begin with, and up to `sample` VINs of each wave. Changes
/// nothing: the membership is worked out as at the start, and thrown away.
///
/// # Errors
/// [`StoreError`].
pub async fn preview(
    store: &Store,
    release: ReleaseId,
    salt: &str,
    target: &Target,
    plan: &[WavePlan],
    sample: i64,
    now: DateTime<Utc>,
) -> Result<Preview, StoreError> {
    let mut tx = store.begin().await?;
    candidates::rank(&mut tx, release, salt, target).await?;
    exclude::mark(&mut tx, release, now).await?;
    let excluded = exclude::summary(&mut tx).await?;
    exclude::take_out(&mut tx).await?;
    let behind = exclude::behind(&mut tx, release).await?;
    candidates::list(&mut tx, plan).await?;
    let (matching, ranked) = candidates::count(&mut tx).await?;
    candidates::cut(&mut tx, plan, ranked).await?;
    let mut waves = Vec::with_capacity(plan.len());
    for number in 1..=plan.len() {
        waves.push(candidates::wave(&mut tx, number, sample).await?);
    }
    tx.rollback().await?;
    Ok(Preview { matching, waves, excluded, behind })
}
