//! The two large levers: everything stops at once, and a release is never offered again. Each is one transaction, and what
//! it leaves to be done campaign by campaign can be asked for again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::campaign::Command;
use otaru_domain::document::DocumentState;
use otaru_domain::event::EventKind;
use otaru_domain::id::{CampaignId, ReleaseId};
use otaru_domain::release::ReleaseState;
use otaru_domain::tuf::Change;
use otaru_store::{StoreError, campaigns, emergency, events, releases};

use super::{By, CampaignError, command, document, locked};
use crate::app::App;
use crate::manifests;

/// Stops everything: nothing is offered from the commit on, and every campaign under way is halted. Gives those
/// that were.
///
/// # Errors
/// [`CampaignError`]; the stop itself is in force unless the first transaction failed.
pub async fn stop(app: &App, actor: &str, reason: &str, now: DateTime<Utc>) -> Result<Vec<CampaignId>, CampaignError> {
    let mut tx = app.store.begin().await?;
    if emergency::stop(&mut tx, actor, reason, now).await? {
        events::record(&mut tx, actor, EventKind::EmergencyStopped { reason: reason.to_owned() }, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::warn!(by = actor, reason, "everything is stopped");
    let mut halted = Vec::new();
    for standing in campaigns::unfinished(&app.store).await? {
        let id = standing.campaign.id;
        let mut tx = app.store.begin().await?;
        let campaign = locked(&mut tx, id).await?;
        let Ok(to) = campaign.state.on(Command::Halt) else { continue };
        if campaign.closing.is_some() {
            continue;
        }
        campaigns::set_state(&mut tx, id, to, actor, Some(&format!("emergency stop: {reason}")), now).await?;
        document::republish(&mut tx, &app.keys, &campaign, DocumentState::Paused, now).await?;
        let event = EventKind::CampaignStateChanged { campaign: id, from: campaign.state, to };
        events::record(&mut tx, actor, event, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        halted.push(id);
    }
    app.wake.notify_one();
    Ok(halted)
}

/// Lifts the stop; campaigns stay halted until somebody resumes them. Gives whether there was one.
///
/// # Errors
/// [`CampaignError`]; nothing was changed.
pub async fn lift(app: &App, actor: &str, reason: Option<&str>, now: DateTime<Utc>) -> Result<bool, CampaignError> {
    let mut tx = app.store.begin().await?;
    let lifted = emergency::lift(&mut tx).await?;
    if lifted {
        let event = EventKind::EmergencyStopLifted { reason: reason.map(str::to_owned) };
        events::record(&mut tx, actor, event, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(lifted)
}

/// Recalls a release: no campaign may use it again, its images leave the models' targets, and its campaigns are
/// cancelled. Gives those that were.
///
/// # Errors
/// [`CampaignError`]; asked again, what is left of it is done.
pub async fn recall(
    app: &App,
    actor: &str,
    release: ReleaseId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Vec<CampaignId>, CampaignError> {
    let mut tx = app.store.begin().await?;
    let known = releases::lock(&mut tx, release).await?.filter(|known| known.state != ReleaseState::Draft);
    let known = known.ok_or(CampaignError::NoRelease(release))?;
    if known.state == ReleaseState::Locked {
        releases::set_recalled(&mut tx, release, actor, reason, now).await?;
        let gone: BTreeMap<_, _> = known.images.iter().map(|image| (image.target_name.clone(), None)).collect();
        let mut models = known.models;
        models.sort();
        for model in models {
            let change = Change { targets: gone.clone(), ..Change::default() };
            manifests::publish(&mut tx, &app.keys, &model, change, now).await?;
        }
        let event = EventKind::ReleaseRecalled { release, reason: reason.to_owned() };
        events::record(&mut tx, actor, event, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    let mut cancelled = Vec::new();
    for id in campaigns::of_release(&app.store, release).await? {
        let why = format!("release {release} was recalled: {reason}");
        match command(app, actor, id, Command::Cancel, Some(&why), now).await {
            Ok(()) => cancelled.push(id),
            // It has ended meanwhile.
            Err(CampaignError::Transition(_)) => {}
            Err(error) => return Err(error),
        }
    }
    tracing::warn!(release, by = actor, reason, "the release is recalled");
    Ok(cancelled)
}

/// Refuses what may not begin while everything is stopped. The stop waits for those that looked before it.
pub(super) async fn refuse_if_stopped(tx: &mut otaru_store::Tx, by: By<'_>) -> Result<(), CampaignError> {
    if emergency::in_force(tx).await? {
        tracing::debug!(by = by.name(), "refused: everything is stopped");
        return Err(CampaignError::Stopped);
    }
    Ok(())
}
