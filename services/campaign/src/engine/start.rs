//! The start of a campaign: who is in it is frozen, and its models' vehicles are told, in one transaction.

use chrono::{DateTime, Utc};
use otaru_domain::campaign::{CampaignState, Command};
use otaru_domain::document::DocumentState;
use otaru_domain::event::EventKind;
use otaru_domain::id::CampaignId;
use otaru_domain::release::ReleaseState;
use otaru_domain::target::Target;
use otaru_store::campaigns::{self, Campaign};
use otaru_store::ciphertexts::{self, Standing};
use otaru_store::leadership::Epoch;
use otaru_store::{StoreError, Tx, events, waves};

use super::{By, CampaignError, document, emergency, locked, plan_of, review};
use crate::app::App;
use crate::manifests;

/// Starts a scheduled campaign whose time has come.
pub(super) async fn start_due(
    app: &App,
    epoch: Epoch,
    id: CampaignId,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let by = By::Engine(epoch);
    let mut tx = by.begin(&app.store).await?;
    let campaign = locked(&mut tx, id).await?;
    if campaign.state != CampaignState::Scheduled || campaign.start_at.is_some_and(|at| at > now) {
        return Ok(());
    }
    start(app, &mut tx, by, &campaign, None, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(())
}

/// Starts a campaign that is locked in `tx`.
pub(super) async fn start(
    app: &App,
    tx: &mut Tx,
    by: By<'_>,
    campaign: &Campaign,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let to = campaign.state.on(Command::Start)?;
    if campaign.deadline <= now {
        return Err(CampaignError::DeadlinePast);
    }
    emergency::refuse_if_stopped(tx, by).await?;
    let release = campaigns::release(tx, campaign.release).await?;
    if release.is_none_or(|release| release.state != ReleaseState::Locked) {
        return Err(CampaignError::ReleaseNotLocked(campaign.release));
    }
    for model in campaigns::models(tx, campaign.release).await? {
        match ciphertexts::standing(tx, campaign.release, &model).await? {
            Standing::Plain | Standing::Published => {}
            Standing::Waits => return Err(CampaignError::ReleaseNotEncrypted(campaign.release, model)),
            Standing::Unencrypted => return Err(CampaignError::ReleasePlain(campaign.release, model)),
        }
        let images = campaigns::images(tx, campaign.release, &model).await?;
        if !manifests::has_targets(tx, &model, &images).await? {
            return Err(CampaignError::ReleaseNotSigned(campaign.release, model));
        }
    }
    let target = Target::parse(&campaign.target).map_err(CampaignError::Target)?;
    review::require(app, tx, campaign).await?;
    let plan = plan_of(tx, campaign.id).await?;
    let frozen = waves::freeze(tx, campaign, &plan, &target, now).await?.map_err(CampaignError::NoVehicles)?;
    campaigns::set_state(tx, campaign.id, to, by.name(), reason, now).await?;
    document::publish(tx, app, campaign, DocumentState::Running, &frozen.models, now).await?;
    let reason = reason.map(str::to_owned);
    let event = EventKind::CampaignStateChanged { campaign: campaign.id, from: campaign.state, to, reason };
    let details = serde_json::json!({"members": frozen.members});
    events::record_with(tx, by.name(), event, details, now).await?;
    tracing::info!(campaign = campaign.id, members = frozen.members, by = by.name(), "the campaign has started");
    Ok(())
}
