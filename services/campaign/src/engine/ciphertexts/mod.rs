//! Encrypting the images of locked releases for the models that want it, and putting them into the signed targets. Until
//! that is done no campaign of the release starts, for there is nothing else to publish. What is to be done is in the
//! database, so a leader that was killed over a file leaves it to the next one.

mod encrypt;
mod publish;

use std::time::Duration;

use otaru_domain::clock;
use otaru_http::chain;
use otaru_store::leadership::Epoch;
use otaru_store::{StoreError, Tx};
use tokio_util::sync::CancellationToken;

use super::{By, CampaignError};
use crate::app::App;

/// A look without anything to do.
const TICK: Duration = Duration::from_secs(1);
/// After a look that went wrong.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks after ciphertexts until `stop`, or until another process leads.
pub(super) async fn run(app: App, epoch: Epoch, stop: CancellationToken) -> Result<(), CampaignError> {
    let mut compared = false;
    while !stop.is_cancelled() {
        let pause = match step(&app, epoch, &mut compared, &stop).await {
            Ok(true) => continue,
            Ok(false) => TICK,
            Err(error) if error.is_fenced() => return Err(error),
            Err(error) => {
                tracing::warn!(error = chain(&error), "cannot look after encrypted images");
                PAUSE
            }
        };
        stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
    Ok(())
}

/// Does one thing; whether there was one.
async fn step(app: &App, epoch: Epoch, compared: &mut bool, stop: &CancellationToken) -> Result<bool, CampaignError> {
    if !*compared {
        // A process that knows no encryption may have written the targets.
        publish::compare_all(app, epoch, clock::now()).await?;
        *compared = true;
    }
    Ok(publish::next(app, epoch, clock::now()).await? || encrypt::next(app, epoch, stop).await?)
}

async fn begin(app: &App, epoch: Epoch) -> Result<Tx, CampaignError> {
    Ok(By::Engine(epoch).begin(&app.store).await?)
}

async fn commit(tx: Tx) -> Result<(), CampaignError> {
    Ok(tx.commit().await.map_err(StoreError::from)?)
}
