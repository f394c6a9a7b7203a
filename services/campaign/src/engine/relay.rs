//! From the outbox to Kafka: each topic in the order of its positions, and none waiting for another. A message
//! is forgotten only after the broker acknowledged it, so one may be sent twice, but none is lost and
//! none overtakes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use otaru_bus::{Bus, BusError, Message, Producer};
use otaru_domain::topic;
use otaru_http::chain;
use otaru_store::leadership::Epoch;
use otaru_store::outbox::{self, Pending};
use otaru_store::{Store, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::CampaignError;
use crate::app::App;

/// Wakes the relay.
pub(super) type Wake = Arc<Notify>;

/// A look without having been woken.
const TICK: Duration = Duration::from_millis(500);
const BATCH_ROWS: i64 = 2_000;
const BATCH_BYTES: i64 = 16 * 1024 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Relays until `stop`, or until another process leads.
pub(super) async fn run(app: App, epoch: Epoch, wake: Wake, stop: CancellationToken) -> Result<(), CampaignError> {
    let producer = loop {
        match app.bus.producer() {
            Ok(producer) => break producer,
            Err(error) => tracing::error!(error = chain(&error), "the relay cannot send"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(LONGEST_PAUSE)).await.is_none() {
            return Ok(());
        }
    };
    let relay = Relay { store: app.store, bus: app.bus, producer, epoch, made: Arc::default() };
    let mut busy = BTreeSet::new();
    let mut topics = JoinSet::new();
    loop {
        match outbox::pending_topics(&relay.store).await {
            Ok(pending) => {
                for topic in pending.into_iter().filter(|topic| busy.insert(topic.clone())) {
                    topics.spawn(drain(relay.clone(), topic, stop.clone()));
                }
            }
            Err(error) => tracing::warn!(error = chain(&error), "the outbox cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = wake.notified() => {}
            () = tokio::time::sleep(TICK) => {}
            Some(drained) = topics.join_next() => finished(drained, &mut busy)?,
        }
    }
    // What is under way is acknowledged first: a successor would send it again.
    while let Some(drained) = topics.join_next().await {
        finished(drained, &mut busy)?;
    }
    Ok(())
}

type Drained = Result<(String, Result<(), StoreError>), tokio::task::JoinError>;

fn finished(drained: Drained, busy: &mut BTreeSet<String>) -> Result<(), StoreError> {
    match drained {
        Ok((topic, result)) => {
            busy.remove(&topic);
            result
        }
        Err(error) => {
            tracing::error!(error = chain(&error), "a topic's relay broke");
            Err(StoreError::Cancelled)
        }
    }
}

#[derive(Clone)]
struct Relay {
    store: Store,
    bus: Bus,
    producer: Producer,
    epoch: Epoch,
    /// Topics that are there for certain, with our settings: a broker may create one that is only written to, with its own.
    made: Arc<Mutex<BTreeSet<String>>>,
}

/// Sends what waits for `topic` until nothing does.
async fn drain(relay: Relay, topic: String, stop: CancellationToken) -> (String, Result<(), StoreError>) {
    let mut pause = FIRST_PAUSE;
    while !stop.is_cancelled() {
        match relay.step(&topic).await {
            Ok(true) => pause = FIRST_PAUSE,
            Ok(false) => break,
            Err(StepError::Store(error @ StoreError::Fenced(_))) => return (topic, Err(error)),
            Err(StepError::Bus(error @ BusError::TooLarge { .. })) => {
                tracing::error!(
                    topic,
                    error = chain(&error),
                    "the topic stands still until its max.message.bytes, the broker's message.max.bytes and \
                     --kafka-property message.max.bytes are large enough"
                );
                stop.run_until_cancelled(tokio::time::sleep(LONGEST_PAUSE)).await;
            }
            Err(error) => {
                tracing::warn!(topic, error = chain(&error), "messages wait, trying again in {} ms", pause.as_millis());
                stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    (topic, Ok(()))
}

#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl Relay {
    /// Sends one batch; whether there was one.
    async fn step(&self, topic: &str) -> Result<bool, StepError> {
        let batch = outbox::next_batch(&self.store, topic, BATCH_ROWS, BATCH_BYTES).await?;
        let Some(last) = batch.last().map(|pending| pending.position) else {
            return Ok(false);
        };
        if !self.made.lock().unwrap_or_else(PoisonError::into_inner).contains(topic) {
            self.make(topic).await?;
        }
        match self.send(topic, batch).await {
            Err(BusError::UnknownTopic { .. }) => {
                // Made on the way: the batch, which is still in the outbox, is taken up again.
                self.make(topic).await?;
                return Ok(true);
            }
            sent => sent?,
        }
        outbox::delivered(&self.store, self.epoch, topic, last).await?;
        Ok(true)
    }

    async fn make(&self, topic: &str) -> Result<(), BusError> {
        match topic::manifests_model(topic) {
            Some(model) => self.bus.ensure_manifests(&model).await?,
            None => self.bus.ensure_topics().await?,
        }
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned());
        Ok(())
    }

    async fn send(&self, topic: &str, batch: Vec<Pending>) -> Result<(), BusError> {
        let messages = batch.into_iter().map(|Pending { message, .. }| Message {
            key: message.key,
            value: message.value,
            headers: Vec::new(),
        });
        if topic::manifests_model(topic).is_none() {
            return self.producer.send_all(topic, messages.collect()).await;
        }
        // A repository's files one by one: were one lost in a batch, the timestamp behind it must not be there.
        for message in messages {
            self.producer.send(topic, message).await?;
        }
        Ok(())
    }
}
