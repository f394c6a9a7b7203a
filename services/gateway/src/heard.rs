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
//! than [`MAX_ATTEMPTS`], so one that makes reports up cannot bring that about.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use otaru_bus::{Bus, Follow, Followed, Record};
use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, Vin};
use otaru_domain::topic;
use otaru_http::Problem;
use otaru_store::ddi::CANCEL_REJECTED;
use otaru_store::offsets;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::App;
use crate::problems::AWAY_SECS;

/// The most vehicles with reports that wait for vehicle-state.
const MAX_VEHICLES: usize = 500_000;
/// The most attempts of a vehicle that are kept; what it says of others is its own loss.
const MAX_ATTEMPTS: usize = 32;
/// How often it is looked up what was applied. An entry outlives its application by at least this, and no request
/// takes that long: whoever read the row before it was applied still finds the entry.
const FORGET_EVERY: Duration = Duration::from_secs(30);
/// How long a poll waits for the end of the topic.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two questions for the end of the topic.
const BREATH: Duration = Duration::from_millis(10);
/// The name under which vehicle-state keeps how far it applied `otaru.acks`.
const CONSUMER: &str = "acks";

/// A vehicle's attempt at a campaign.
pub(crate) type Attempt = (Vin, CampaignId, u32);

/// What was said of an attempt and may not be applied yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said {
    /// The furthest step.
    pub(crate) step: AssignmentState,
    /// The vehicle's own exit.
    pub(crate) exit: Option<AssignmentState>,
    pub(crate) withdrawn: bool,
    /// The vehicle said that it stopped, as the server asked it to.
    pub(crate) cancel_closed: bool,
    /// The vehicle said that it goes on, though the server asked it to stop.
    pub(crate) cancel_rejected: bool,
}

impl Said {
    const NOTHING: Self = Self {
        step: AssignmentState::Assigned,
        exit: None,
        withdrawn: false,
        cancel_closed: false,
        cancel_rejected: false,
    };

    fn take(&mut self, ack: &Ack) {
        if ack.state.is_withdrawal() {
            self.withdrawn = true;
            self.cancel_closed |= ack.origin == Origin::Gateway;
        } else if ack.state.is_terminal() {
            self.exit.get_or_insert(ack.state);
        } else {
            self.step = self.step.max(ack.state);
            self.cancel_rejected |= ack.error_code.as_deref() == Some(CANCEL_REJECTED);
        }
    }

    /// Whether the attempt is not to be offered any more.
    pub(crate) fn is_over(&self) -> bool {
        self.exit.is_some() || self.withdrawn
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    campaign: CampaignId,
    attempt: u32,
    said: Said,
    /// Where its last message is.
    partition: i32,
    offset: i64,
}

#[derive(Debug, Default)]
struct State {
    vehicles: HashMap<Vin, Vec<Entry>>,
    /// Where reading began, by partition.
    begun: HashMap<i32, i64>,
    /// The offset after the last message read, by partition.
    read: HashMap<i32, i64>,
}

impl State {
    /// Gives what the record says, if its writer may say it.
    fn take(&mut self, record: &Record) -> Option<Ack> {
        self.read.insert(record.partition, record.offset + 1);
        let ack = record.value.as_deref().and_then(|value| serde_json::from_slice::<Ack>(value).ok());
        // What will be refused as impossible says nothing.
        let ack = ack.filter(|ack| ack.origin_may_say_it() && !ack.is_from_far_future())?;
        let entries = self.vehicles.entry(ack.vin.clone()).or_default();
        let known = entries.iter().position(|one| (one.campaign, one.attempt) == (ack.campaign, ack.attempt));
        let index = match known {
            Some(index) => index,
            None if entries.len() == MAX_ATTEMPTS => return Some(ack),
            None => {
                let (campaign, attempt, partition) = (ack.campaign, ack.attempt, record.partition);
                entries.push(Entry { campaign, attempt, said: Said::NOTHING, partition, offset: record.offset });
                entries.len() - 1
            }
        };
        if let Some(entry) = entries.get_mut(index) {
            entry.offset = record.offset;
            entry.said.take(&ack);
        }
        Some(ack)
    }

    fn of(&self, (vin, campaign, attempt): &Attempt) -> Option<Said> {
        let entries = self.vehicles.get(vin)?;
        entries.iter().find(|one| (one.campaign, one.attempt) == (*campaign, *attempt)).map(|entry| entry.said)
    }

    /// Whether everything of a partition that has messages from `low` to `high` was read.
    fn has_read(&self, partition: i32, low: i64, high: i64) -> bool {
        high <= low
            || match self.read.get(&partition) {
                Some(next) => *next >= high,
                None => self.begun.get(&partition) == Some(&high),
            }
    }

    fn forget(&mut self, applied: &HashMap<i32, i64>) {
        self.vehicles.retain(|_, entries| {
            entries.retain(|entry| applied.get(&entry.partition).is_none_or(|next| entry.offset >= *next));
            !entries.is_empty()
        });
    }
}

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

#[cfg(test)]
mod tests {
    use otaru_domain::clock;

    use super::*;

    fn record(offset: i64, origin: Origin, state: AssignmentState) -> Record {
        let vin = Vin::parse("WVWZZZ1KZAW000001").unwrap();
        let ack = Ack::by_server(origin, vin, 7, 1, state, clock::now());
        Record {
            topic: topic::ACKS.into(),
            partition: 0,
            offset,
            timestamp_ms: None,
            key: None,
            value: Some(serde_json::to_vec(&ack).unwrap()),
            headers: Vec::new(),
        }
    }

    fn attempt() -> Attempt {
        (Vin::parse("WVWZZZ1KZAW000001").unwrap(), 7, 1)
    }

    #[test]
    fn an_end_is_known_until_all_of_the_attempt_is_applied() {
        let mut state = State::default();
        state.take(&record(4, Origin::Vehicle, AssignmentState::Installing));
        assert!(!state.of(&attempt()).unwrap().is_over());
        state.take(&record(5, Origin::Vehicle, AssignmentState::Installed));
        assert!(state.of(&attempt()).unwrap().is_over());
        state.forget(&HashMap::from([(0, 5)]));
        assert!(state.of(&attempt()).is_some(), "its end is not applied");
        state.forget(&HashMap::from([(1, 9)]));
        assert!(state.of(&attempt()).is_some(), "another partition was applied");
        state.forget(&HashMap::from([(0, 6)]));
        assert!(state.vehicles.is_empty());
    }

    #[test]
    fn what_a_writer_may_not_say_ends_nothing() {
        let mut state = State::default();
        state.take(&record(0, Origin::Vehicle, AssignmentState::Cancelled));
        state.take(&record(1, Origin::Engine, AssignmentState::Installed));
        assert!(state.vehicles.is_empty());
        assert_eq!(state.read[&0], 2, "read all the same");
    }

    #[test]
    fn a_vehicle_that_makes_reports_up_fills_no_memory() {
        let mut state = State::default();
        for campaign in 0..1000 {
            let mut made_up = record(campaign, Origin::Vehicle, AssignmentState::Installed);
            let mut ack: Ack = serde_json::from_slice(made_up.value.as_deref().unwrap()).unwrap();
            ack.campaign = 8 + campaign;
            made_up.value = Some(serde_json::to_vec(&ack).unwrap());
            state.take(&made_up);
        }
        assert_eq!(state.vehicles.values().map(Vec::len).sum::<usize>(), MAX_ATTEMPTS);
        assert_eq!(state.read[&0], 1000);
    }

    #[test]
    fn only_a_gateway_says_that_the_vehicle_stopped() {
        let mut state = State::default();
        state.take(&record(0, Origin::Engine, AssignmentState::Cancelled));
        assert!(!state.of(&attempt()).unwrap().cancel_closed);
        state.take(&record(1, Origin::Gateway, AssignmentState::Cancelled));
        assert!(state.of(&attempt()).unwrap().cancel_closed);
    }

    #[test]
    fn a_partition_is_read_when_nothing_below_its_end_is_missing() {
        let mut state = State { begun: HashMap::from([(0, 3), (1, 5), (2, 9)]), ..State::default() };
        assert!(state.has_read(0, 0, 3), "nothing came since");
        assert!(!state.has_read(1, 0, 6), "one came since");
        assert!(!state.has_read(2, 0, 4), "the topic was made anew, and is read from its start");
        assert!(state.has_read(3, 0, 0) && !state.has_read(3, 0, 1));
        state.take(&record(3, Origin::Vehicle, AssignmentState::Installing));
        assert!(state.has_read(0, 0, 4) && !state.has_read(0, 0, 5));
    }
}
