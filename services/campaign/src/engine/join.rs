//! Vehicles that join continuous campaigns: the database notes of which vehicles something changed, and these alone are
//! looked at. The whole fleet is looked at once per campaign and term, for what changed while a campaign was starting.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use otaru_domain::campaign::CampaignState;
use otaru_domain::clock;
use otaru_domain::id::{CampaignId, VehicleId};
use otaru_domain::target::Target;
use otaru_http::chain;
use otaru_store::campaigns::{self, Campaign};
use otaru_store::leadership::Epoch;
use otaru_store::{StoreError, Tx, waves};
use tokio_util::sync::CancellationToken;

use super::{By, CampaignError, plan_of};
use crate::app::App;

const TICK: Duration = Duration::from_millis(500);
/// Changes per transaction.
const CHUNK: i64 = 10_000;

/// Lets vehicles join until `stop`, or until another process leads.
pub(super) async fn run(app: App, epoch: Epoch, stop: CancellationToken) -> Result<(), CampaignError> {
    let mut looked_at = HashSet::new();
    while stop.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
        match pass(&app, epoch, &mut looked_at, &stop).await {
            Ok(()) => {}
            Err(error) if error.is_fenced() => return Err(error),
            Err(error) => tracing::warn!(error = chain(&error), "cannot let vehicles join campaigns"),
        }
    }
    Ok(())
}

async fn pass(
    app: &App,
    epoch: Epoch,
    looked_at: &mut HashSet<CampaignId>,
    stop: &CancellationToken,
) -> Result<(), CampaignError> {
    let by = By::Engine(epoch);
    let standings = campaigns::unfinished(&app.store).await?;
    let continuous = standings.into_iter().map(|standing| standing.campaign).filter(takes_more);
    let continuous: Vec<CampaignId> = continuous.map(|campaign| campaign.id).collect();
    for id in &continuous {
        if looked_at.contains(id) {
            continue;
        }
        let mut tx = by.begin(&app.store).await?;
        join(&mut tx, *id, None, clock::now()).await?;
        tx.commit().await.map_err(StoreError::from)?;
        looked_at.insert(*id);
    }
    while !stop.is_cancelled() {
        let mut tx = by.begin(&app.store).await?;
        let vehicles = waves::take_changes(&mut tx, CHUNK).await?;
        if vehicles.is_empty() {
            return Ok(());
        }
        // In the order in which whoever locks several of them does.
        for id in &continuous {
            join(&mut tx, *id, Some(&vehicles), clock::now()).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
    }
    Ok(())
}

fn takes_more(campaign: &Campaign) -> bool {
    let under_way = matches!(campaign.state, CampaignState::Running | CampaignState::Paused | CampaignState::Halted);
    campaign.is_continuous() && under_way && campaign.closing.is_none()
}

/// Lets those of `vehicles` join that match by now; of the whole fleet without them.
async fn join(
    tx: &mut Tx,
    id: CampaignId,
    vehicles: Option<&[VehicleId]>,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let campaign = super::locked(tx, id).await?;
    if !takes_more(&campaign) {
        return Ok(());
    }
    let target = Target::parse(&campaign.target).map_err(CampaignError::Target)?;
    let plan = plan_of(tx, id).await?;
    let joined = waves::join(tx, &campaign, &plan, &target, vehicles, now).await?;
    if joined > 0 {
        tracing::info!(campaign = id, joined, "vehicles have joined the campaign");
    }
    Ok(())
}
