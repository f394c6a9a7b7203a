//! Forecasts of running campaigns, written down so that they can be held against the end: when a wave has opened, and now and then.

use std::time::Duration;

use chrono::{DateTime, Utc};
use otaru_domain::campaign::CampaignState;
use otaru_domain::clock;
use otaru_domain::rehearsal::{self as rules, DEFAULT_RUNS};
use otaru_http::chain;
use otaru_store::StoreError;
use otaru_store::campaigns::{self, Standing};
use otaru_store::forecasts::{self, Kept};
use otaru_store::leadership::Epoch;
use tokio_util::sync::CancellationToken;

use super::{By, CampaignError};
use crate::app::App;
use crate::rehearsal::{self, Stage};

/// Between two looks at which forecasts are due.
const EVERY: Duration = Duration::from_secs(5);

/// Forecasts until `stop`, or until another process leads.
pub(super) async fn run(app: App, epoch: Epoch, stop: CancellationToken) -> Result<(), CampaignError> {
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        match look(&app, epoch, clock::now()).await {
            Ok(()) => {}
            Err(error) if error.is_fenced() => return Err(error),
            Err(error) => tracing::warn!(error = chain(&error), "cannot forecast the campaigns"),
        }
    }
    Ok(())
}

async fn look(app: &App, epoch: Epoch, now: DateTime<Utc>) -> Result<(), CampaignError> {
    let mut running = campaigns::unfinished(&app.store).await?;
    // A continuous one ends at its deadline.
    running.retain(|one| {
        let campaign = &one.campaign;
        campaign.state == CampaignState::Running && campaign.closing.is_none() && !campaign.is_continuous()
    });
    let ids: Vec<_> = running.iter().map(|one| one.campaign.id).collect();
    let newest = forecasts::newest(&app.store, &ids).await?;
    for standing in running {
        if is_due(&standing, newest.get(&standing.campaign.id).copied(), now) {
            forecast(app, epoch, &standing, now).await?;
        }
    }
    Ok(())
}

fn is_due(standing: &Standing, last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    let campaign = &standing.campaign;
    let newest_wave = standing.waves.iter().filter_map(|wave| wave.opened_at).max();
    // Before its first wave is open there is nothing to see that the rehearsal of the draft did not show.
    newest_wave.is_some()
        && campaign.started_at.is_some_and(|start| rules::is_due(last, newest_wave, start, campaign.deadline, now))
}

async fn forecast(app: &App, epoch: Epoch, standing: &Standing, now: DateTime<Utc>) -> Result<(), CampaignError> {
    let campaign = &standing.campaign;
    let Stage { course, fleet } = rehearsal::stage(app, standing, now).await?;
    let measured_from = fleet.source().assignments;
    let seed = campaign.id.unsigned_abs();
    let forecast = rehearsal::computed(app, move || rules::forecast(&course, &fleet, DEFAULT_RUNS, seed)).await;
    let forecast = match forecast {
        Ok(forecast) => forecast,
        Err(error) => {
            tracing::error!(campaign = campaign.id, error = chain(&error), "a forecast broke");
            return Ok(());
        }
    };
    let kept = Kept {
        made_at: now,
        runs: forecast.runs,
        band: forecast.finish,
        late_ratio: forecast.late_ratio,
        false_halt_ratio: forecast.false_halt_ratio,
        measured_from,
    };
    let mut tx = By::Engine(epoch).begin(&app.store).await?;
    forecasts::keep(&mut tx, campaign.id, &kept, &forecast.milestones).await?;
    Ok(tx.commit().await.map_err(StoreError::from)?)
}
