//! The opening of a wave. Its rows are all there before its document says that it is open, so a vehicle that
//! reads the document finds its assignment; until then a wave half written offers nothing to anybody.

use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::campaign::CampaignState;
use otaru_domain::document::DocumentState;
use otaru_domain::event::EventKind;
use otaru_domain::id::{CampaignId, VehicleId};
use otaru_store::leadership::Epoch;
use otaru_store::waves::{self, CHUNK};
use otaru_store::{StoreError, campaigns, events};
use tokio_util::sync::CancellationToken;

use super::{By, CampaignError, document, locked, tell};
use crate::app::App;

/// Opens wave `number`. Ends early, to be called again, on `stop` and when the campaign runs no more.
pub(super) async fn open(
    app: &App,
    epoch: Epoch,
    id: CampaignId,
    number: u32,
    now: DateTime<Utc>,
    stop: &CancellationToken,
) -> Result<(), CampaignError> {
    let by = By::Engine(epoch);
    let mut after: VehicleId = 0;
    while !stop.is_cancelled() {
        let mut tx = by.begin(&app.store).await?;
        let campaign = locked(&mut tx, id).await?;
        if campaign.state != CampaignState::Running || campaign.closing.is_some() {
            return Ok(());
        }
        if let Some(chunk) = waves::assign_chunk(&mut tx, id, number, after, CHUNK, now).await? {
            if campaign.policy.supersede {
                for (other, vehicles) in waves::superseded_chunk(&mut tx, id, number, after, chunk.last).await? {
                    tell(&mut tx, other, vehicles, AssignmentState::Superseded, now).await?;
                }
            }
            tx.commit().await.map_err(StoreError::from)?;
            after = chunk.last;
            continue;
        }
        if waves::mark_open(&mut tx, id, number, now).await? {
            if campaign.is_continuous() {
                waves::assign_joined(&mut tx, id, number, now).await?;
            }
            document::republish(&mut tx, app, &campaign, DocumentState::Running, now).await?;
            let opened = campaigns::waves_of(&mut tx, id).await?.into_iter().find(|wave| wave.number == number);
            let vehicles = opened.and_then(|wave| wave.size).unwrap_or(0);
            let event = EventKind::WaveOpened { campaign: id, wave: number, vehicles };
            events::record(&mut tx, by.name(), event, now).await?;
            tx.commit().await.map_err(StoreError::from)?;
            tracing::info!(campaign = id, wave = number, vehicles, "the wave is open");
        }
        return Ok(());
    }
    Ok(())
}
