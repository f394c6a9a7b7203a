//! The two large levers: everything stops at once, and a release is never offered again. Each is one transaction, and what
//! it leaves to be done campaign by campaign can be asked for again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::campaign::Command;
use otaru_domain::event::EventKind;
use otaru_domain::id::{CampaignId, ReleaseId};
use otaru_domain::release::ReleaseState;
use otaru_domain::tuf::Change;
use otaru_store::{StoreError, campaigns, emergency, events, releases};

use super::{By, CampaignError, command, deltas};
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
    let why = format!("emergency stop: {reason}");
    let mut halted = Vec::new();
    for standing in campaigns::unfinished(&app.store).await? {
        if asked(app, actor, standing.campaign.id, Command::Halt, &why, now).await? {
            halted.push(standing.campaign.id);
        }
    }
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
        let mut gone: BTreeMap<_, _> = known.images.iter().map(|image| (image.target_name.clone(), None)).collect();
        gone.extend(deltas::withdraw(&mut tx, release).await?.into_iter().map(|name| (name, None)));
        let mut models = known.models;
        models.sort();
        for model in models {
            let change = Change { targets: gone.clone(), ..Change::default() };
            manifests::publish(&mut tx, app, &model, change, now).await?;
        }
        let event = EventKind::ReleaseRecalled { release, reason: reason.to_owned() };
        events::record(&mut tx, actor, event, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    let why = format!("release {release} was recalled: {reason}");
    let mut cancelled = Vec::new();
    for id in campaigns::of_release(&app.store, release).await? {
        if asked(app, actor, id, Command::Cancel, &why, now).await? {
            cancelled.push(id);
        }
    }
    tracing::warn!(release, by = actor, reason, "the release is recalled");
    Ok(cancelled)
}

/// Asks a campaign for something; `false` when it is, or is about to be, where that means nothing any more.
async fn asked(
    app: &App,
    actor: &str,
    id: CampaignId,
    what: Command,
    why: &str,
    now: DateTime<Utc>,
) -> Result<bool, CampaignError> {
    match command(app, actor, id, what, Some(why), now).await {
        Ok(()) => Ok(true),
        Err(CampaignError::Transition(_) | CampaignError::Closing) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Refuses what may not begin while everything is stopped. The stop waits for those that looked before it.
pub(super) async fn refuse_if_stopped(tx: &mut otaru_store::Tx, by: By<'_>) -> Result<(), CampaignError> {
    if emergency::in_force(tx).await? {
        tracing::debug!(by = by.name(), "refused: everything is stopped");
        return Err(CampaignError::Stopped);
    }
    Ok(())
}
