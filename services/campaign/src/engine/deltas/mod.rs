//! Deltas of locked releases: which are made, making them, and putting them into the signed targets. No campaign waits for
//! any of it: until there is a delta, vehicles download the whole image. What is to be done is in the database, so a leader
//! that was killed over a delta leaves it to the next one.

mod build;
mod compute;
mod plan;
mod publish;

use otaru_domain::clock;
use otaru_domain::delta::target_name;
use otaru_domain::id::ReleaseId;
use otaru_store::leadership::Epoch;
use otaru_store::{StoreError, Tx, deltas};
use tokio_util::sync::CancellationToken;

use super::CampaignError;
use super::chores::{begin, rest};
use crate::app::App;

/// Looks after deltas until `stop`, or until another process leads.
pub(super) async fn run(app: App, epoch: Epoch, stop: CancellationToken) -> Result<(), CampaignError> {
    let mut compared = false;
    while !stop.is_cancelled() {
        let done = step(&app, epoch, &mut compared, &stop).await;
        rest("deltas", done, &stop).await?;
    }
    Ok(())
}

/// Does one thing; whether there was one.
async fn step(app: &App, epoch: Epoch, compared: &mut bool, stop: &CancellationToken) -> Result<bool, CampaignError> {
    if !*compared {
        // A process that knows no deltas may have written the targets, or recalled a release.
        publish::compare_all(app, epoch, clock::now()).await?;
        *compared = true;
    }
    if !app.deltas.enabled {
        return Ok(false);
    }
    Ok(plan::next(app, epoch, clock::now()).await?
        || publish::next(app, epoch, clock::now()).await?
        || build::next(app, epoch, stop).await?)
}

/// Ends the deltas of a release that is recalled in `tx`: none is built any more. The names of those that may be in the
/// targets of its models.
pub(super) async fn withdraw(tx: &mut Tx, release: ReleaseId) -> Result<Vec<String>, StoreError> {
    deltas::withdraw(tx, release).await?;
    let built = deltas::built_of(tx, release).await?;
    Ok(built.iter().map(|one| target_name(&one.image, one.source.as_ref(), one.algorithm)).collect())
}
