//! What stops offers, or lets them go on: halts, and what is noted of gates.

use chrono::{DateTime, Utc};
use otaru_domain::campaign::Command;
use otaru_domain::event::EventKind;
use otaru_domain::id::CampaignId;
use otaru_domain::rollout::HaltReason;
use otaru_store::leadership::Epoch;
use otaru_store::{StoreError, campaigns, events};

use super::command::change;
use super::{By, CampaignError, locked};
use crate::app::App;

/// Halts a campaign that is running: too many failed. Gateways look at its row before each offer, so the last one is
/// made when this commits.
pub(super) async fn halt(
    app: &App,
    epoch: Epoch,
    id: CampaignId,
    reason: &HaltReason,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let by = By::Engine(epoch);
    let mut tx = by.begin(&app.store).await?;
    let campaign = locked(&mut tx, id).await?;
    if campaign.state.on(Command::Halt).is_err() || campaign.closing.is_some() {
        return Ok(());
    }
    let text = reason.to_string();
    let (HaltReason::Sequential { wave, .. } | HaltReason::Threshold { wave, .. }) = reason;
    let halted = EventKind::CampaignHalted { campaign: id, wave: *wave, reason: text.clone() };
    // Events come last: their locks are taken after those of the manifests' topics.
    change(app, &mut tx, by, &campaign, Command::Halt, Some(&text), now).await?;
    events::record(&mut tx, by.name(), halted, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::warn!(campaign = id, reason = text, "the campaign is halted");
    Ok(())
}

/// Notes since when the gate of wave `number` holds, or that it holds no more.
pub(super) async fn note_gate(
    app: &App,
    epoch: Epoch,
    id: CampaignId,
    number: u32,
    met: bool,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let mut tx = By::Engine(epoch).begin(&app.store).await?;
    campaigns::note_gate(&mut tx, id, number, met.then_some(now)).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(())
}
