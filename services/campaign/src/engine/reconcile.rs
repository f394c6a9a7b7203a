//! From how campaigns stand to how they should: the planner says what follows, this does it, and looks again.
//! It takes no input but the database, so it does not matter what woke it, what was missed, or who led before.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use otaru_domain::clock;
use otaru_domain::id::CampaignId;
use otaru_domain::planner::{Action, plan};
use otaru_http::chain;
use otaru_store::StoreError;
use otaru_store::campaigns::{self, Standing};
use otaru_store::leadership::Epoch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{By, CampaignError, close, halt, locked, open, start};
use crate::app::App;

/// A look without having been woken.
const TICK: Duration = Duration::from_millis(500);
/// Campaigns that are worked on at once: a large one does not hold up the others.
const AT_ONCE: usize = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Reconciles until `stop`, or until another process leads.
pub(super) async fn run(app: App, epoch: Epoch, stop: CancellationToken) -> Result<(), CampaignError> {
    let mut patience = Patience::default();
    while !stop.is_cancelled() {
        match pass(&app, epoch, &mut patience, clock::now(), &stop).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) if error.is_fenced() => return Err(error),
            Err(error) => tracing::warn!(error = chain(&error), "cannot see how campaigns stand"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.wake.notified() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
    Ok(())
}

/// Does what is due now; whether anything was.
async fn pass(
    app: &App,
    epoch: Epoch,
    patience: &mut Patience,
    now: DateTime<Utc>,
    stop: &CancellationToken,
) -> Result<bool, CampaignError> {
    let standings = campaigns::unfinished(&app.store).await?;
    patience.forget_all_but(&standings);
    let due = standings.into_iter().filter(|standing| patience.allows(standing.campaign.id));
    let results: Vec<(CampaignId, Result<bool, CampaignError>)> = futures::stream::iter(due)
        .map(|standing| act(app.clone(), epoch, standing, now, stop.clone()))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut acted = false;
    for (id, result) in results {
        match result {
            Ok(done) => {
                acted |= done;
                patience.restore(id);
            }
            Err(error) if error.is_fenced() => return Err(error),
            Err(error) => {
                let pause = patience.lose(id);
                tracing::warn!(campaign = id, error = chain(&error), "trying again in {} s", pause.as_secs());
            }
        }
    }
    Ok(acted)
}

/// Carries the plan of one campaign out; whether it had actions.
async fn act(
    app: App,
    epoch: Epoch,
    standing: Standing,
    now: DateTime<Utc>,
    stop: CancellationToken,
) -> (CampaignId, Result<bool, CampaignError>) {
    let id = standing.campaign.id;
    let actions = plan(&standing.facts(), now).actions;
    for action in &actions {
        let done = match action {
            Action::Start => start::start_due(&app, epoch, id, now).await,
            Action::Halt { reason } => halt::halt(&app, epoch, id, reason, now).await,
            Action::NoteGate { number, met } => halt::note_gate(&app, epoch, id, *number, *met, now).await,
            Action::OpenWave { number } => open::open(&app, epoch, id, *number, now, &stop).await,
            Action::Close => close::close(&app, epoch, id, now).await,
            Action::Sweep => close::sweep(&app, epoch, id, now, &stop).await,
            Action::Complete => close::complete(&app, epoch, id, now).await,
        };
        if let Err(error) = done {
            let error = if *action == Action::Start { note(&app, epoch, id, error).await } else { error };
            return (id, Err(error));
        }
    }
    (id, Ok(!actions.is_empty()))
}

/// Tells the people of a scheduled campaign why it does not start, and gives the error back.
async fn note(app: &App, epoch: Epoch, id: CampaignId, error: CampaignError) -> CampaignError {
    if !error.is_refusal() {
        return error;
    }
    let written = async {
        let mut tx = By::Engine(epoch).begin(&app.store).await?;
        locked(&mut tx, id).await?;
        campaigns::set_reason(&mut tx, id, &format!("cannot start: {}", chain(&error))).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok::<_, CampaignError>(())
    };
    match written.await {
        Ok(()) => error,
        Err(other) => other,
    }
}

/// A campaign that fails is tried again later and later, and keeps none of the others from going on.
#[derive(Default)]
struct Patience {
    pauses: HashMap<CampaignId, (Duration, Instant)>,
}

impl Patience {
    fn allows(&self, id: CampaignId) -> bool {
        self.pauses.get(&id).is_none_or(|(_, until)| *until <= Instant::now())
    }

    fn lose(&mut self, id: CampaignId) -> Duration {
        let pause = self.pauses.get(&id).map_or(FIRST_PAUSE, |(pause, _)| (*pause * 2).min(LONGEST_PAUSE));
        self.pauses.insert(id, (pause, Instant::now() + pause));
        pause
    }

    fn restore(&mut self, id: CampaignId) {
        self.pauses.remove(&id);
    }

    fn forget_all_but(&mut self, standings: &[Standing]) {
        self.pauses.retain(|id, _| standings.iter().any(|standing| standing.campaign.id == *id));
    }
}
