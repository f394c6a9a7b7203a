//! What must happen while nothing else does: metadata is renewed before it expires, documents of campaigns
//! that ended are taken out of the repositories, old idempotency keys go.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::clock;
use otaru_domain::id::{CampaignId, ModelId};
use otaru_domain::tuf::Change;
use otaru_http::chain;
use otaru_store::leadership::Epoch;
use otaru_store::{StoreError, campaigns, idempotency, slots};
use tokio_util::sync::CancellationToken;

use super::{By, CampaignError};
use crate::app::App;
use crate::manifests;

const EVERY: Duration = Duration::from_secs(60);
/// How long an ended campaign's document goes on saying so: vehicles and gateways have read it by then.
const ENDED_FOR: TimeDelta = TimeDelta::minutes(10);
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Looks after things until `stop`, or until another process leads.
pub(super) async fn run(app: App, epoch: Epoch, stop: CancellationToken) -> Result<(), CampaignError> {
    let mut pause = FIRST_PAUSE;
    let mut caught_up = false;
    while !stop.is_cancelled() {
        if !caught_up {
            match manifests::republish_if_behind(&app, &app.bus, clock::now()).await {
                Ok(_) => {
                    caught_up = true;
                    if let Err(error) = manifests::finish_rotations(&app, clock::now()).await {
                        tracing::warn!(error = chain(&error), "cannot look for rotations of keys that were broken off");
                    }
                }
                Err(error) => tracing::warn!(error = chain(&error), "cannot compare the topics with the database"),
            }
        }
        match tidy(&app, epoch, clock::now()).await {
            Ok(()) => {}
            Err(error) if error.is_fenced() => return Err(error),
            Err(error) => tracing::warn!(error = chain(&error), "the upkeep is not done"),
        }
        pause = if caught_up { EVERY } else { (pause * 2).min(EVERY) };
        stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
    Ok(())
}

async fn tidy(app: &App, epoch: Epoch, now: DateTime<Utc>) -> Result<(), CampaignError> {
    if let Err(error) = manifests::renew_due(app, now).await {
        tracing::warn!(error = chain(&error), "no metadata was renewed");
    }
    let mut tx = app.store.begin().await?;
    let ended = campaigns::ended_documents(&mut tx, now - ENDED_FOR).await?;
    tx.rollback().await.map_err(StoreError::from)?;
    for (model, ended) in ended {
        remove_documents(app, epoch, &model, &ended, now).await?;
    }
    idempotency::prune(&app.store, now).await?;
    slots::prune(&app.store).await?;
    Ok(())
}

async fn remove_documents(
    app: &App,
    epoch: Epoch,
    model: &ModelId,
    ended: &[CampaignId],
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let mut tx = By::Engine(epoch).begin(&app.store).await?;
    let change = Change { documents: ended.iter().map(|campaign| (*campaign, None)).collect(), ..Change::default() };
    manifests::publish(&mut tx, app, model, change, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(%model, ?ended, "the documents of campaigns that ended are removed");
    Ok(())
}
