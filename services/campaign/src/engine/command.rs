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
use serde_json::json;

use super::start::start;
use super::{By, CampaignError, document, locked, review};
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

async fn change(
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
    if command == Command::Schedule {
        if campaign.deadline <= now {
            return Err(CampaignError::DeadlinePast);
        }
        review::require(app, tx, campaign).await?;
    }
    campaigns::set_state(tx, campaign.id, to, by.name(), reason, now).await?;
    let state = if to == CampaignState::Running { DocumentState::Running } else { DocumentState::Paused };
    document::republish(tx, &app.keys, campaign, state, now).await?;
    announce(tx, by, campaign, to, reason, now).await
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
        document::republish(tx, &app.keys, campaign, DocumentState::Ended, now).await?;
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
    let event = EventKind::CampaignStateChanged { campaign: campaign.id, from: campaign.state, to };
    events::record_with(tx, by.name(), event, json!({"reason": reason}), now).await?;
    tracing::info!(campaign = campaign.id, from = %campaign.state, %to, by = by.name(), "the campaign's state was changed");
    Ok(())
}
