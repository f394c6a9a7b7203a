//! The end of a campaign: the document says so first, then what is left is withdrawn by messages to the one
//! writer of assignments, and only when those have been applied is it over.

use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::campaign::Command;
use otaru_domain::document::DocumentState;
use otaru_domain::event::EventKind;
use otaru_domain::id::CampaignId;
use otaru_store::leadership::Epoch;
use otaru_store::waves::{self, CHUNK};
use otaru_store::{StoreError, campaigns, events};
use tokio_util::sync::CancellationToken;

use super::{By, CampaignError, document, locked, tell};
use crate::app::App;

/// Assignments looked at per transaction of a sweep.
const SWEEP_CHUNK: i64 = 5_000;

/// Begins to close a campaign whose deadline has passed.
pub(super) async fn close(app: &App, epoch: Epoch, id: CampaignId, now: DateTime<Utc>) -> Result<(), CampaignError> {
    let by = By::Engine(epoch);
    let mut tx = by.begin(&app.store).await?;
    let campaign = locked(&mut tx, id).await?;
    if !campaign.state.is_under_way() || campaign.closing.is_some() || now < campaign.deadline {
        return Ok(());
    }
    campaigns::set_closing(&mut tx, id, AssignmentState::TimedOut).await?;
    let left = campaigns::left(&mut tx, id).await?;
    document::republish(&mut tx, app, &campaign, DocumentState::Ended, now).await?;
    events::record(&mut tx, by.name(), EventKind::CampaignClosing { campaign: id, left }, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(campaign = id, left, "the deadline has passed");
    Ok(())
}

/// Withdraws what is left of a campaign that is being closed, vehicles of waves that never opened included:
/// they get their rows here, so that every member is accounted for.
pub(super) async fn sweep(
    app: &App,
    epoch: Epoch,
    id: CampaignId,
    now: DateTime<Utc>,
    stop: &CancellationToken,
) -> Result<(), CampaignError> {
    assign_unopened(app, epoch, id, now, stop).await?;
    while !stop.is_cancelled() {
        let mut tx = By::Engine(epoch).begin(&app.store).await?;
        let campaign = locked(&mut tx, id).await?;
        let (Some(exit), None) = (campaign.closing, campaign.swept_at) else {
            return Ok(());
        };
        let Some(chunk) = waves::sweep_chunk(&mut tx, id, campaign.sweep_after, SWEEP_CHUNK).await? else {
            campaigns::set_swept(&mut tx, id, now).await?;
            tx.commit().await.map_err(StoreError::from)?;
            tracing::info!(campaign = id, "what was left of the campaign is withdrawn");
            return Ok(());
        };
        tell(&mut tx, id, chunk.left, exit, now).await?;
        campaigns::set_sweep_after(&mut tx, id, chunk.last).await?;
        tx.commit().await.map_err(StoreError::from)?;
    }
    Ok(())
}

async fn assign_unopened(
    app: &App,
    epoch: Epoch,
    id: CampaignId,
    now: DateTime<Utc>,
    stop: &CancellationToken,
) -> Result<(), CampaignError> {
    let mut wave = 1;
    let mut after = 0;
    while !stop.is_cancelled() {
        let mut tx = By::Engine(epoch).begin(&app.store).await?;
        let campaign = locked(&mut tx, id).await?;
        // A sweep that has begun had all rows before it.
        if campaign.closing.is_none() || campaign.swept_at.is_some() || campaign.sweep_after > 0 {
            return Ok(());
        }
        let unopened = campaigns::waves_of(&mut tx, id).await?;
        let Some(next) = unopened.iter().find(|next| next.number >= wave && next.opened_at.is_none()) else {
            return Ok(());
        };
        (wave, after) = if next.number == wave { (wave, after) } else { (next.number, 0) };
        match waves::assign_chunk(&mut tx, id, wave, after, CHUNK, now).await? {
            Some(chunk) => after = chunk.last,
            None => (wave, after) = (wave + 1, 0),
        }
        tx.commit().await.map_err(StoreError::from)?;
    }
    Ok(())
}

/// Completes a campaign of which nothing is left.
pub(super) async fn complete(app: &App, epoch: Epoch, id: CampaignId, now: DateTime<Utc>) -> Result<(), CampaignError> {
    let by = By::Engine(epoch);
    let mut tx = by.begin(&app.store).await?;
    let campaign = locked(&mut tx, id).await?;
    let to = campaign.state.on(Command::Complete)?;
    let reason = match campaign.closing {
        Some(_) => "the deadline has passed and what was left is withdrawn",
        None => "every vehicle has reached an end",
    };
    campaigns::set_state(&mut tx, id, to, by.name(), Some(reason), now).await?;
    if campaign.closing.is_none() {
        document::republish(&mut tx, app, &campaign, DocumentState::Ended, now).await?;
    }
    let told = Some(reason.to_owned());
    let event = EventKind::CampaignStateChanged { campaign: id, from: campaign.state, to, reason: told };
    events::record(&mut tx, by.name(), event, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(campaign = id, reason, "the campaign is complete");
    Ok(())
}
