//! Encrypting the images of locked releases for the models that want it, and putting them into the signed targets. Until
//! that is done no campaign of the release starts, for there is nothing else to publish. What is to be done is in the
//! database, so a leader that was killed over a file leaves it to the next one.

mod encrypt;
mod publish;

use otaru_domain::clock;
use otaru_store::leadership::Epoch;
use tokio_util::sync::CancellationToken;

use super::CampaignError;
use super::chores::{begin, commit, rest};
use crate::app::App;

/// Looks after ciphertexts until `stop`, or until another process leads.
pub(super) async fn run(app: App, epoch: Epoch, stop: CancellationToken) -> Result<(), CampaignError> {
    let mut compared = false;
    while !stop.is_cancelled() {
        let done = step(&app, epoch, &mut compared, &stop).await;
        rest("encrypted images", done, &stop).await?;
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
