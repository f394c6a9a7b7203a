//! The review of campaigns: submitted, approved by another person or rejected, and changed, which begins it anew.
//! All of it under the campaign's lock, and by the digest of what is stored, not of what somebody sent.

use chrono::{DateTime, Utc};
use otaru_domain::campaign::{CampaignState, Command};
use otaru_domain::event::EventKind;
use otaru_domain::id::{CampaignId, ReleaseId};
use otaru_domain::review::{self, Review, ReviewError, Verdict};
use otaru_domain::rollout::WavePlan;
use otaru_store::campaigns::{self, Campaign, Settings};
use otaru_store::reviews;
use otaru_store::{StoreError, Tx, events, evidence};
use serde_json::json;

use super::{CampaignError, groups, locked, plan_of};
use crate::app::App;

/// Refuses the start of a campaign that is locked in `tx` without the approval that it needs, or whose release
/// waits for its type approval.
pub(super) async fn require(app: &App, tx: &mut Tx, campaign: &Campaign) -> Result<(), CampaignError> {
    if evidence::is_pending(tx, campaign.release).await? {
        return Err(CampaignError::TypeApprovalPending(campaign.release));
    }
    let newest = reviews::newest(tx, campaign.id).await?;
    let required = app.require_review || reviews::required(tx, campaign.release).await?;
    if newest.is_none() && !required {
        return Ok(());
    }
    let digest = digest(tx, campaign.id).await?;
    Ok(review::may_start(required, newest.as_ref(), &digest)?)
}

async fn digest(tx: &mut Tx, id: CampaignId) -> Result<String, StoreError> {
    Ok(review::digest(&reviews::content(tx, id).await?))
}

/// A step that somebody takes.
struct Step<'a> {
    actor: &'a str,
    verdict: Verdict,
    reason: Option<&'a str>,
    now: DateTime<Utc>,
}

impl Step<'_> {
    async fn take(&self, tx: &mut Tx, id: CampaignId, digest: &str) -> Result<(), StoreError> {
        let review = Review {
            verdict: self.verdict,
            digest: digest.to_owned(),
            by: self.actor.to_owned(),
            at: self.now,
            reason: self.reason.map(str::to_owned),
        };
        reviews::add(tx, id, &review).await
    }

    /// Moves the campaign and says so.
    async fn move_to(
        &self,
        tx: &mut Tx,
        campaign: &Campaign,
        to: CampaignState,
        digest: &str,
    ) -> Result<(), StoreError> {
        campaigns::set_state(tx, campaign.id, to, self.actor, self.reason, self.now).await?;
        let reason = self.reason.map(str::to_owned);
        let event = EventKind::CampaignStateChanged { campaign: campaign.id, from: campaign.state, to, reason };
        let details = json!({"verdict": self.verdict, "digest": digest});
        events::record_with(tx, self.actor, event, details, self.now).await?;
        Ok(())
    }
}

/// Hands a draft over for review.
///
/// # Errors
/// [`CampaignError`]; nothing was changed.
pub async fn submit(
    app: &App,
    actor: &str,
    id: CampaignId,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let mut tx = app.store.begin().await?;
    let campaign = locked(&mut tx, id).await?;
    let to = campaign.state.on(Command::Submit)?;
    let digest = digest(&mut tx, id).await?;
    let step = Step { actor, verdict: Verdict::Submitted, reason, now };
    step.take(&mut tx, id, &digest).await?;
    step.move_to(&mut tx, &campaign, to, &digest).await?;
    Ok(tx.commit().await.map_err(StoreError::from)?)
}

/// Approves what `actor` saw under the digest `seen`.
///
/// # Errors
/// [`CampaignError`]; nothing was changed.
pub async fn approve(
    app: &App,
    actor: &str,
    id: CampaignId,
    seen: &str,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let mut tx = app.store.begin().await?;
    let campaign = locked(&mut tx, id).await?;
    campaign.state.on(Command::Approve)?;
    let (author, changed_by) = reviews::authors(&mut tx, id).await?;
    let authors: Vec<&str> = [Some(author.as_str()), changed_by.as_deref()].into_iter().flatten().collect();
    let digest = digest(&mut tx, id).await?;
    review::may_approve(actor, &authors, seen, &digest)?;
    Step { actor, verdict: Verdict::Approved, reason, now }.take(&mut tx, id, &digest).await?;
    let event = EventKind::CampaignApproved { campaign: id, digest };
    events::record_with(&mut tx, actor, event, json!({"reason": reason}), now).await?;
    Ok(tx.commit().await.map_err(StoreError::from)?)
}

/// Gives a campaign back to its author.
///
/// # Errors
/// [`CampaignError`]; nothing was changed.
pub async fn reject(
    app: &App,
    actor: &str,
    id: CampaignId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let mut tx = app.store.begin().await?;
    let campaign = locked(&mut tx, id).await?;
    let to = campaign.state.on(Command::Reject)?;
    let digest = digest(&mut tx, id).await?;
    let step = Step { actor, verdict: Verdict::Rejected, reason: Some(reason), now };
    step.take(&mut tx, id, &digest).await?;
    step.move_to(&mut tx, &campaign, to, &digest).await?;
    Ok(tx.commit().await.map_err(StoreError::from)?)
}

/// Changes a campaign that has not been started or scheduled, by what `change` makes of it and its waves. In
/// review, it is a draft again, and what was approved of it counts no more.
///
/// # Errors
/// [`CampaignError`]; nothing was changed.
pub async fn revise<E: From<CampaignError>>(
    app: &App,
    actor: &str,
    id: CampaignId,
    change: impl FnOnce(&Campaign, Vec<WavePlan>) -> Result<Settings, E> + Send,
    now: DateTime<Utc>,
) -> Result<(), E> {
    let mut tx = app.store.begin().await.map_err(CampaignError::from)?;
    let campaign = locked(&mut tx, id).await?;
    if !matches!(campaign.state, CampaignState::Draft | CampaignState::InReview) {
        return Err(CampaignError::NotADraft(campaign.state).into());
    }
    let plan = plan_of(&mut tx, id).await.map_err(CampaignError::from)?;
    let settings = change(&campaign, plan.clone())?;
    groups::require(&mut tx, &settings.target, &settings.waves).await?;
    // Whoever only renames it is not asked for vehicles that have gone meanwhile.
    if settings.target != campaign.target || settings.waves != plan {
        groups::require_vehicles(&mut tx, campaign.release, &settings).await?;
    }
    write(tx, actor, &campaign, &settings, now).await.map_err(E::from)
}

async fn write(
    mut tx: Tx,
    actor: &str,
    campaign: &Campaign,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let id = campaign.id;
    let before = digest(&mut tx, id).await?;
    campaigns::revise(&mut tx, id, settings, actor, now).await?;
    let after = digest(&mut tx, id).await?;
    if before == after {
        // Said anew what it is already: nobody's work, and no reason to review it again.
        return Ok(());
    }
    let step = Step { actor, verdict: Verdict::Voided, reason: Some("it was changed"), now };
    if reviews::newest(&mut tx, id).await?.is_some_and(|review| review.verdict.is_live()) {
        step.take(&mut tx, id, &after).await?;
    }
    let details = json!({"before": before, "after": after});
    events::record_with(&mut tx, actor, EventKind::CampaignChanged { campaign: id }, details, now).await?;
    if campaign.state == CampaignState::InReview {
        step.move_to(&mut tx, campaign, campaign.state.on(Command::Reject)?, &after).await?;
    }
    Ok(tx.commit().await.map_err(StoreError::from)?)
}

/// A campaign's review, as of one moment.
#[derive(Debug)]
pub struct Standing {
    pub required: bool,
    pub content: serde_json::Value,
    pub digest: String,
    /// Newest first.
    pub steps: Vec<Review>,
    pub author: String,
    pub changed_by: Option<String>,
    /// Why it may not start, as far as the review goes.
    pub refused: Option<ReviewError>,
}

/// How the review of a campaign that exists stands.
///
/// # Errors
/// [`StoreError`].
pub async fn standing(app: &App, id: CampaignId, release: ReleaseId, steps: i64) -> Result<Standing, StoreError> {
    let mut tx = app.store.begin_reading().await?;
    let required = app.require_review || reviews::required(&mut tx, release).await?;
    let content = reviews::content(&mut tx, id).await?;
    let digest = review::digest(&content);
    let steps = reviews::steps(&mut tx, id, steps).await?;
    let (author, changed_by) = reviews::authors(&mut tx, id).await?;
    let refused = review::may_start(required, steps.first(), &digest).err();
    Ok(Standing { required, content, digest, steps, author, changed_by, refused })
}
