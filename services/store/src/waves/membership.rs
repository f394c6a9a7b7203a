//! The membership of a campaign, frozen when it starts. A vehicle's wave follows from its rank and the waves'
//! cutoffs alone, so that the signed document and these rows say the same of every member.

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, ModelId, ReleaseId};
use otaru_domain::rollout::{Membership, WavePlan, rank_cutoffs};
use otaru_domain::target::Target;

use super::exclude::Excluded;
use super::{candidates, exclude};
use crate::campaigns::{self, Campaign, Needs};
use crate::{Store, StoreError, Tx};

/// A membership that was frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// At least 1, but for a continuous campaign.
    pub members: u64,
    /// The models that have members, or may come to have some.
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
    candidates::rank(tx, campaign.release, &campaign.salt, target, None).await?;
    exclude::mark(tx, campaign.release, campaign.needs(), now).await?;
    let excluded = exclude::summary(tx).await?;
    if !excluded.is_empty() {
        exclude::keep(tx, campaign.id).await?;
        exclude::take_out(tx).await?;
    }
    candidates::list(tx, plan).await?;
    let (members, ranked) = candidates::count(tx).await?;
    let continuous = campaign.is_continuous();
    if members == 0 && !continuous {
        candidates::drop(tx).await?;
        return Ok(Err(excluded));
    }
    let cut = cut(tx, plan, campaign.policy.membership, ranked).await?;
    candidates::keep(tx, campaign.id).await?;
    write_waves(tx, campaign, plan, &cut).await?;
    campaigns::set_members(tx, campaign.id, members, now).await?;
    let models =
        if continuous { campaigns::models(tx, campaign.release).await? } else { candidates::models(tx).await? };
    candidates::drop(tx).await?;
    Ok(Ok(Frozen { members, models }))
}

/// Puts the candidates into their waves; the highest rank of each that is not listed. A campaign that others may join is
/// cut from all ranks there are, another from those of its vehicles.
async fn cut(tx: &mut Tx, plan: &[WavePlan], membership: Membership, ranked: u64) -> Result<Vec<i64>, StoreError> {
    match membership {
        Membership::Snapshot => candidates::cut(tx, plan, ranked).await,
        Membership::Continuous => {
            let cutoffs = candidates::bigints(&rank_cutoffs(plan))?;
            candidates::place(tx, plan, &cutoffs).await?;
            Ok(cutoffs)
        }
    }
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

/// A campaign that there is not yet.
#[derive(Debug, Clone, Copy)]
pub struct Prospect<'a> {
    pub release: ReleaseId,
    pub salt: &'a str,
    pub target: &'a Target,
    pub plan: &'a [WavePlan],
    pub membership: Membership,
    pub needs: Needs,
}

/// What a campaign would begin with, and up to `sample` VINs of each wave. Changes nothing: the membership is worked out
/// as at the start, and thrown away.
///
/// # Errors
/// [`StoreError`].
pub async fn preview(
    store: &Store,
    prospect: Prospect<'_>,
    sample: i64,
    now: DateTime<Utc>,
) -> Result<Preview, StoreError> {
    let Prospect { release, salt, target, plan, membership, needs } = prospect;
    let mut tx = store.begin().await?;
    candidates::rank(&mut tx, release, salt, target, None).await?;
    exclude::mark(&mut tx, release, needs, now).await?;
    let excluded = exclude::summary(&mut tx).await?;
    exclude::take_out(&mut tx).await?;
    let behind = exclude::behind(&mut tx, release).await?;
    candidates::list(&mut tx, plan).await?;
    let (matching, ranked) = candidates::count(&mut tx).await?;
    cut(&mut tx, plan, membership, ranked).await?;
    let mut waves = Vec::with_capacity(plan.len());
    for number in 1..=plan.len() {
        waves.push(candidates::wave(&mut tx, number, sample).await?);
    }
    tx.rollback().await?;
    Ok(Preview { matching, waves, excluded, behind })
}
