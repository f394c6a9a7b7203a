//! What people ask of campaigns. State, document and event change in one transaction under the campaign's
//! lock, so two commands at once are taken one after the other, and the second is refused if it no longer fits.

use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::campaign::{CampaignState, Command};
use otaru_domain::document::DocumentState;
use otaru_domain::event::EventKind;
use otaru_domain::id::CampaignId;
use otaru_store::campaigns::{self, Campaign};
use otaru_store::{StoreError, Tx, events};

use super::start::start;
use super::{By, CampaignError, document, emergency, locked, review};
use crate::app::App;

/// Carries `command` out for `actor`. Starting a draft whose `start_at` lies ahead schedules it; starting
/// a scheduled one begins at once.
///
/// # Errors
/// [`CampaignError`]; nothing was changed.
pub async fn command(
    app: &App,
    actor: &str,
    id: CampaignId,
    command: Command,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let by = By::Person(actor);
    let mut tx = by.begin(&app.store).await?;
    let campaign = locked(&mut tx, id).await?;
    let unstarted = matches!(campaign.state, CampaignState::Draft | CampaignState::InReview);
    let waits = unstarted && campaign.start_at.is_some_and(|at| at > now);
    match command {
        Command::Start if !waits => start(app, &mut tx, by, &campaign, reason, now).await?,
        Command::Start => change(app, &mut tx, by, &campaign, Command::Schedule, reason, now).await?,
        Command::Cancel => cancel(app, &mut tx, by, &campaign, reason, now).await?,
        other => change(app, &mut tx, by, &campaign, other, reason, now).await?,
    }
    tx.commit().await.map_err(StoreError::from)?;
    app.wake.notify_one();
    Ok(())
}

/// Moves `campaign`, which is locked in `tx`, to where `command` brings it, and tells its vehicles.
pub(super) async fn change(
    app: &App,
    tx: &mut Tx,
    by: By<'_>,
    campaign: &Campaign,
    command: Command,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let to = campaign.state.on(command)?;
    if campaign.closing.is_some() {
        return Err(CampaignError::Closing);
    }
    if command == Command::Resume {
        emergency::refuse_if_stopped(tx, by).await?;
    }
    if command == Command::Resume && campaign.state == CampaignState::Halted {
        forgive(app, tx, campaign).await?;
    }
    if command == Command::Schedule {
        if campaign.deadline <= now {
            return Err(CampaignError::DeadlinePast);
        }
        review::require(app, tx, campaign).await?;
    }
    campaigns::set_state(tx, campaign.id, to, by.name(), reason, now).await?;
    let state = if to == CampaignState::Running { DocumentState::Running } else { DocumentState::Paused };
    document::republish(tx, app, campaign, state, now).await?;
    announce(tx, by, campaign, to, reason, now).await
}

/// What halted the campaign is known to whoever resumes it: it is judged by what comes from now on.
async fn forgive(app: &App, tx: &mut Tx, campaign: &Campaign) -> Result<(), CampaignError> {
    let standing = campaigns::standing(&app.store, campaign.id).await?.ok_or(CampaignError::NotFound(campaign.id))?;
    let facts = standing.facts();
    let outcomes: Vec<_> = facts.waves.iter().map(|wave| (wave.number, wave.outcomes(&facts.halt))).collect();
    campaigns::forgive(tx, campaign.id, &outcomes).await?;
    Ok(())
}

/// Approves for `actor` how wave `number` went, so that the next one may open.
///
/// # Errors
/// [`CampaignError`]; nothing was changed.
pub async fn approve_wave(
    app: &App,
    actor: &str,
    id: CampaignId,
    number: u32,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let mut tx = app.store.begin().await?;
    locked(&mut tx, id).await?;
    if !campaigns::approve(&mut tx, id, number, actor, now).await? {
        return Err(CampaignError::NotApprovable { campaign: id, wave: number });
    }
    events::record(&mut tx, actor, EventKind::WaveApproved { campaign: id, wave: number }, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    app.wake.notify_one();
    Ok(())
}

async fn cancel(
    app: &App,
    tx: &mut Tx,
    by: By<'_>,
    campaign: &Campaign,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let to = campaign.state.on(Command::Cancel)?;
    campaigns::set_state(tx, campaign.id, to, by.name(), reason, now).await?;
    let withdraws = campaign.started_at.is_some() && campaign.closing.is_none();
    if withdraws {
        campaigns::set_closing(tx, campaign.id, AssignmentState::Cancelled).await?;
        document::republish(tx, app, campaign, DocumentState::Ended, now).await?;
        let left = campaigns::left(tx, campaign.id).await?;
        let closing = EventKind::CampaignClosing { campaign: campaign.id, left };
        events::record(tx, by.name(), closing, now).await?;
    }
    announce(tx, by, campaign, to, reason, now).await
}

async fn announce(
    tx: &mut Tx,
    by: By<'_>,
    campaign: &Campaign,
    to: CampaignState,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let reason = reason.map(str::to_owned);
    let event = EventKind::CampaignStateChanged { campaign: campaign.id, from: campaign.state, to, reason };
    events::record(tx, by.name(), event, now).await?;
    tracing::info!(campaign = campaign.id, from = %campaign.state, %to, by = by.name(), "the campaign's state was changed");
    Ok(())
}
