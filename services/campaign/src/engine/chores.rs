//! Work that waits in the database for whoever leads, a thing at a time: what deltas and encrypted images have in common.

use std::time::Duration;

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

/// Waits as long as is right after a step, which says whether there was something to do.
///
/// # Errors
/// Another process leads.
pub(super) async fn rest(
    what: &'static str,
    step: Result<bool, CampaignError>,
    stop: &CancellationToken,
) -> Result<(), CampaignError> {
    let pause = match step {
        Ok(true) => return Ok(()),
        Ok(false) => TICK,
        Err(error) if error.is_fenced() => return Err(error),
        Err(error) => {
            tracing::warn!(error = chain(&error), "cannot look after {what}");
            PAUSE
        }
    };
    stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    Ok(())
}

pub(super) async fn begin(app: &App, epoch: Epoch) -> Result<Tx, CampaignError> {
    Ok(By::Engine(epoch).begin(&app.store).await?)
}

pub(super) async fn commit(tx: Tx) -> Result<(), CampaignError> {
    Ok(tx.commit().await.map_err(StoreError::from)?)
}
