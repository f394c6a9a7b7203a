//! Rates that adapt: looked at as often as the domain says, by what ended since.

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::rollout::{LOOK, PaceWindow, adapted};
use otaru_http::chain;
use otaru_store::campaigns::Standing;
use otaru_store::leadership::Epoch;
use otaru_store::pace::{self, Pace};
use otaru_store::{StoreError, campaigns};
use tokio_util::sync::CancellationToken;

use super::{By, CampaignError};
use crate::app::App;

/// Adapts rates until `stop`, or until another process leads.
pub(super) async fn run(app: App, epoch: Epoch, stop: CancellationToken) -> Result<(), CampaignError> {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK / 10)).await.is_some() {
        match look(&app, epoch, otaru_domain::clock::now()).await {
            Ok(()) => {}
            Err(error) if error.is_fenced() => return Err(error),
            Err(error) => tracing::warn!(error = chain(&error), "cannot adapt the rates"),
        }
    }
    Ok(())
}

async fn look(app: &App, epoch: Epoch, now: DateTime<Utc>) -> Result<(), CampaignError> {
    for standing in campaigns::unfinished(&app.store).await? {
        if is_due(&standing, now) {
            adapt(app, epoch, &standing, now).await?;
        }
    }
    Ok(())
}

fn is_due(standing: &Standing, now: DateTime<Utc>) -> bool {
    let adapts = standing.campaign.policy.rate.is_some_and(|rate| rate.adapt.is_some());
    let since = TimeDelta::from_std(LOOK).unwrap_or(TimeDelta::MAX);
    adapts
        && standing.campaign.state.is_under_way()
        && standing.pace.as_ref().is_none_or(|pace| pace.adapted_at + since <= now)
}

/// Sets the rate by what happened since the last look, and tells when it changed.
async fn adapt(app: &App, epoch: Epoch, standing: &Standing, now: DateTime<Utc>) -> Result<(), CampaignError> {
    let campaign = &standing.campaign;
    let Some((rate, bounds)) = campaign.policy.rate.and_then(|rate| Some((rate, rate.adapt?))) else {
        return Ok(());
    };
    let outcomes: Vec<_> = standing.waves.iter().map(|wave| wave.facts().outcomes(&campaign.policy.halt)).collect();
    let finished: u64 = outcomes.iter().map(|one| one.finished).sum();
    let failed: u64 = outcomes.iter().map(|one| one.failed).sum();
    let (before, seen) = standing.pace.as_ref().map_or((rate.per_minute, (0, 0)), |pace| (pace.per_minute, pace.seen));
    let mut tx = By::Engine(epoch).begin(&app.store).await?;
    let window = PaceWindow {
        finished: finished.saturating_sub(seen.0),
        failed: failed.saturating_sub(seen.1),
        behind: pace::behind(&mut tx).await?,
    };
    let (per_minute, reason) = adapted(before, &bounds, &window);
    if per_minute != before {
        tracing::info!(campaign = campaign.id, before, per_minute, %reason, "the rate adapts");
    }
    let pace = Pace { per_minute, adapted_at: now, reason, seen: (finished, failed) };
    pace::set(&mut tx, campaign.id, &pace).await?;
    Ok(tx.commit().await.map_err(StoreError::from)?)
}
