//! The rollout engine: it relays what was written to Kafka, and carries out what the planner says.
//!
//! Every campaign process runs it and one leads. Nothing here is told what to do: the leader reads how
//! campaigns stand, asks the pure planner what follows, does it in transactions that check its epoch, and
//! reads again. Notifications only make it look earlier, so none has to arrive, and a leader that was
//! killed anywhere leaves nothing that its successor would not see.

mod attempts;
mod chores;
mod ciphertexts;
mod close;
mod command;
mod deltas;
mod document;
mod emergency;
mod error;
mod forecast;
pub(crate) mod groups;
mod halt;
mod join;
mod open;
mod pace;
mod reconcile;
mod relay;
pub(crate) mod review;
mod start;
mod term;
mod upkeep;

use std::time::Duration;

use chrono::{DateTime, Utc};
use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::CampaignId;
use otaru_domain::rollout::WavePlan;
use otaru_domain::topic;
use otaru_http::chain;
use otaru_store::ingest::FAILURES_CHANNEL;
use otaru_store::leadership::{self, Epoch, LEASE};
use otaru_store::outbox;
use otaru_store::waves::Leftover;
use otaru_store::{Store, StoreError, Tx};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;
use crate::manifests::ManifestError;

pub use attempts::retry_chosen;
pub use command::{approve_wave, command};
pub use emergency::{lift, recall, stop};
pub use error::CampaignError;
use relay::Wake;

/// Between two tries to take the lead, and between two to reach a database that is away.
const RETRY: Duration = Duration::from_secs(1);

/// On whose word a campaign changes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By<'a> {
    /// A person's, by the name of their token.
    Person(&'a str),
    /// The leader's.
    Engine(Epoch),
}

impl By<'_> {
    /// Begins a transaction, which a leader that was deposed cannot.
    async fn begin(self, store: &Store) -> Result<Tx, StoreError> {
        let mut tx = store.begin().await?;
        if let Self::Engine(epoch) = self {
            leadership::check(&mut tx, epoch).await?;
        }
        Ok(tx)
    }

    /// The actor in events.
    fn name(&self) -> &str {
        match self {
            Self::Person(name) => name,
            Self::Engine(_) => "engine",
        }
    }
}

/// Whether an error says nothing of the release or model that it came with: the database is away, or another process leads.
fn is_of_the_machinery(error: &CampaignError) -> bool {
    let (CampaignError::Store(store) | CampaignError::Manifest(ManifestError::Store(store))) = error else {
        return false;
    };
    store.is_transient() || matches!(store, StoreError::Fenced(_))
}

/// The campaign, locked until the transaction ends.
async fn locked(tx: &mut Tx, id: CampaignId) -> Result<otaru_store::campaigns::Campaign, CampaignError> {
    otaru_store::campaigns::lock(tx, id).await?.ok_or(CampaignError::NotFound(id))
}

/// The waves of a campaign as they were asked for.
async fn plan_of(tx: &mut Tx, id: CampaignId) -> Result<Vec<WavePlan>, StoreError> {
    Ok(otaru_store::campaigns::waves_of(tx, id).await?.into_iter().map(|wave| wave.plan).collect())
}

/// Tells the one writer of assignments that these are in `state` from now on.
async fn tell(
    tx: &mut Tx,
    id: CampaignId,
    vehicles: Vec<Leftover>,
    state: AssignmentState,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ack = |one: Leftover| Ack::by_server(Origin::Engine, one.vin, id, one.attempt, state, now);
    outbox::enqueue_acks(tx, &vehicles.into_iter().map(ack).collect::<Vec<_>>(), now).await
}

/// Runs until `stop`: leads when nobody else does.
///
/// # Errors
/// None that time could mend: those are logged and tried again.
pub async fn run(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    let wake = Wake::default();
    let listening = tokio::spawn(listen(app.clone(), wake.clone(), stop.clone()));
    let holder = Uuid::new_v4();
    while !stop.is_cancelled() {
        match leadership::acquire(&app.store, holder, LEASE).await {
            Ok(Some(epoch)) => {
                app.health.ready("engine");
                tracing::info!(epoch = epoch.number(), "leads the engine");
                term::serve(app.clone(), epoch, wake.clone(), stop.clone()).await;
                tracing::info!(epoch = epoch.number(), "leads the engine no more");
                continue;
            }
            Ok(None) => app.health.ready("engine"),
            Err(error) => {
                tracing::warn!(error = chain(&error), "cannot ask who leads the engine");
                app.health.not_ready("engine", error.to_string());
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(RETRY)).await;
    }
    listening.await?;
    Ok(())
}

/// Turns notifications of the database into wake-ups of this process.
async fn listen(app: App, wake: Wake, stop: CancellationToken) {
    let listening = async {
        loop {
            if let Err(error) = forward(&app, &wake).await {
                tracing::warn!(error = chain(&error), "cannot listen to the database");
            }
            tokio::time::sleep(RETRY).await;
        }
    };
    stop.run_until_cancelled(listening).await;
}

async fn forward(app: &App, wake: &Wake) -> Result<(), StoreError> {
    let mut listener = app.store.listen(&[outbox::CHANNEL, FAILURES_CHANNEL]).await?;
    loop {
        let heard = listener.next().await?;
        if heard.as_ref().is_some_and(|heard| heard.channel == FAILURES_CHANNEL) {
            // They may halt a campaign.
            app.wake.notify_one();
            continue;
        }
        wake.notify_one();
        // Whatever changes a campaign records an event.
        if heard.is_none_or(|heard| heard.payload == topic::EVENTS) {
            app.wake.notify_one();
            app.events.send_replace(());
        }
    }
}
