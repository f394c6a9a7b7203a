//! What the acknowledgements say that Postgres does not say yet, so that an update which ended is never offered again
//! while vehicle-state lags, whichever gateway is asked.
//!
//! Each gateway follows `otaru.acks` from what vehicle-state had applied when the gateway started, and keeps an entry
//! per attempt until it is applied. Reading Kafka takes a moment, so before an offer the gateway asks where the
//! topic ends and waits until it has read that far: a report that any gateway answered with 202 is below that end.
//! All polls that wait share one question ([`rounds`]), so it costs some milliseconds per offer (on the embedded broker,
//! which holds answers back, some 100), and the broker some tens of questions a second at most, however many poll. Polls that find nothing open ask nothing.
//!
//! Every gateway parses every acknowledgement: at ten thousand a second some 3 MB/s and a few percent of a core. Entries
//! are dropped a while after vehicle-state applied them, so memory follows its lag, some 200 bytes a vehicle. At
//! [`MAX_VEHICLES`] the gateway stops reading, hence offering, until vehicle-state has caught up; and no vehicle has more
//! than [`said::MAX_ATTEMPTS`], so one that makes reports up cannot bring that about.

mod said;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use otaru_bus::{Bus, Follow, Followed};
use otaru_domain::topic;
use otaru_http::Problem;
use otaru_store::offsets;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::App;
use crate::problems::AWAY_SECS;
use said::State;

pub(crate) use said::{Attempt, Said};

/// The most vehicles with reports that wait for vehicle-state.
const MAX_VEHICLES: usize = 500_000;
/// How often it is looked up what was applied. An entry outlives its application by at least this, and no request
/// takes that long: whoever read the row before it was applied still finds the entry.
const FORGET_EVERY: Duration = Duration::from_secs(30);
/// How long a poll waits for the end of the topic.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two questions for the end of the topic.
const BREATH: Duration = Duration::from_millis(10);
/// The name under which vehicle-state keeps how far it applied `otaru.acks`.
const CONSUMER: &str = "acks";

/// What was heard.
#[derive(Debug)]
pub(crate) struct Heard {
    state: RwLock<State>,
    /// Moves with every message.
    moved: watch::Sender<u64>,
    /// How many polls asked for the end of the topic, and up to which of them it was reached.
    asked: watch::Sender<u64>,
    reached: watch::Sender<u64>,
}

impl Default for Heard {
    fn default() -> Self {
        let counter = || watch::Sender::new(0);
        Self { state: RwLock::default(), moved: counter(), asked: counter(), reached: counter() }
    }
}

impl Heard {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was said of `attempt` that may not be applied yet.
    pub(crate) fn of(&self, attempt: &Attempt) -> Option<Said> {
        self.read().of(attempt)
    }

    /// Waits until everything is heard that was answered with 202 before this call.
    ///
    /// # Errors
    /// 503 when that takes too long: the broker is away, or vehicle-state is too far behind.
    pub(crate) async fn settle(&self) -> Result<(), Problem> {
        let mut reached = self.reached.subscribe();
        let mut ticket = 0;
        self.asked.send_modify(|asked| {
            *asked += 1;
            ticket = *asked;
        });
        match tokio::time::timeout(PATIENCE, reached.wait_for(|upto| *upto >= ticket)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Problem::unavailable("the server does not know yet what was reported last; ask again", AWAY_SECS)),
        }
    }
}

/// Follows the topic until the gateway stops.
pub(crate) async fn follow(app: App, bus: Bus) {
    let Some(begun) = applied_so_far(&app).await else { return };
    app.heard.write().begun.clone_from(&begun);
    let from = Follow::From { topic: topic::ACKS.to_owned(), offsets: begun.clone() };
    let mut follower = match bus.follow(from, app.stop.clone()) {
        Ok(follower) => follower,
        Err(error) => {
            tracing::error!(%error, "the acknowledgements cannot be followed; nothing is offered");
            return;
        }
    };
    tokio::join!(rounds(&app, &bus), async {
        let mut applied = begun;
        let mut forget_at = Instant::now() + FORGET_EVERY;
        loop {
            let full = app.heard.read().vehicles.len() >= MAX_VEHICLES;
            tokio::select! {
                () = app.stop.cancelled() => break,
                () = tokio::time::sleep_until(forget_at) => {
                    forget(&app, &mut applied, full).await;
                    forget_at = Instant::now() + FORGET_EVERY;
                }
                followed = follower.next(), if !full => match followed {
                    Some(Followed::Record(record)) => {
                        let said = app.heard.write().take(&record);
                        if let Some(ack) = said {
                            app.attempts.note(&ack);
                        }
                        app.heard.moved.send_modify(|moved| *moved += 1);
                    }
                    Some(_) => {}
                    None => break,
                },
            }
        }
    });
}

/// What vehicle-state had applied when the gateway started. `None` when told to stop first.
async fn applied_so_far(app: &App) -> Option<HashMap<i32, i64>> {
    loop {
        match app.stop.run_until_cancelled(offsets::applied(&app.store, CONSUMER, topic::ACKS)).await? {
            Ok(applied) => return Some(applied.into_iter().collect()),
            Err(error) => app.database.failed(&error),
        }
        app.stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await?;
    }
}

/// Forgets what had been applied at the last look, and looks again.
async fn forget(app: &App, applied: &mut HashMap<i32, i64>, full: bool) {
    let now = match offsets::applied(&app.store, CONSUMER, topic::ACKS).await {
        Ok(now) => now,
        Err(error) => return app.database.failed(&error),
    };
    let mut state = app.heard.write();
    state.forget(applied);
    *applied = now.into_iter().collect();
    let left = state.vehicles.len();
    drop(state);
    metrics::gauge!("otaru_gateway_unapplied_vehicles").set(f64::from(u32::try_from(left).unwrap_or(u32::MAX)));
    if full {
        tracing::warn!(left, "vehicle-state is too far behind: nothing is offered until it has caught up");
    }
}

/// Answers the polls that wait: asks where the topic ends, once for all of them, and says so when all is read.
async fn rounds(app: &App, bus: &Bus) {
    let mut asked = app.heard.asked.subscribe();
    let mut moved = app.heard.moved.subscribe();
    loop {
        let changed = app.stop.run_until_cancelled(asked.changed()).await;
        if !matches!(changed, Some(Ok(()))) {
            return;
        }
        let upto = *asked.borrow_and_update();
        loop {
            match app.stop.run_until_cancelled(bus.end_offsets(topic::ACKS)).await {
                None => return,
                Some(Ok(ends)) => {
                    let read = moved.wait_for(|_| {
                        let state = app.heard.read();
                        ends.iter().all(|(partition, low, high)| state.has_read(*partition, *low, *high))
                    });
                    if !matches!(app.stop.run_until_cancelled(read).await, Some(Ok(_))) {
                        return;
                    }
                    break;
                }
                Some(Err(error)) => {
                    app.broker.failed(&error);
                    if app.stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(200))).await.is_none() {
                        return;
                    }
                }
            }
        }
        app.heard.reached.send_replace(upto);
        if app.stop.run_until_cancelled(tokio::time::sleep(BREATH)).await.is_none() {
            return;
        }
    }
}
