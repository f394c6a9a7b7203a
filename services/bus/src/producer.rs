//! Writing: idempotent, in order, and answered only when all replicas in sync have the message.
//!
//! A client that librdkafka gave up (a fatal error: the broker forgot its sequence), or that had to give a message
//! up, is replaced by a fresh one, because whoever holds a [`Producer`] holds it for the life of the process.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _, PurgeConfig};

use crate::bus::detached;
use crate::client::Log;
use crate::error::is_unknown_topic;
use crate::{BusConfig, BusError, MAX_MESSAGE_BYTES, Message};

/// How long a message may wait for the broker before its sender gets an error. Requests wait on it.
const PATIENCE_MS: &str = "10000";

type Client = FutureProducer<Log>;

/// Writes to Kafka. Clones share one connection and one order of sending.
#[derive(Clone)]
pub struct Producer {
    inner: Arc<Inner>,
}

struct Inner {
    config: BusConfig,
    current: RwLock<Current>,
}

/// The client in use; each has a number of its own.
#[derive(Clone)]
struct Current {
    client: Client,
    number: u64,
}

/// A message under way.
struct Sent {
    delivery: DeliveryFuture,
    /// The number of the client that has it.
    by: u64,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("bootstrap", &self.inner.config.bootstrap).finish_non_exhaustive()
    }
}

impl Producer {
    pub(crate) fn open(config: &BusConfig) -> Result<Self, BusError> {
        let current = RwLock::new(Current { client: connect(config)?, number: 0 });
        Ok(Self { inner: Arc::new(Inner { config: config.clone(), current }) })
    }

    /// Writes one message and returns its partition and offset: -1 where the broker, asked again, says no more than
    /// that it has the message.
    ///
    /// # Errors
    /// [`BusError::TooLarge`]; [`BusError::Unreachable`] when the broker did not acknowledge in ten seconds. Then
    /// the message may or may not have been written: send it again only if readers can tell copies apart.
    pub async fn send(&self, topic: &str, message: Message) -> Result<(i32, i64), BusError> {
        let sent = self.enqueue(topic, &message).await?;
        self.settle(topic, message.len_bytes(), sent).await
    }

    /// Writes `messages` in their order and returns when all are acknowledged.
    ///
    /// # Errors
    /// As [`Producer::send`], for the first that failed; the others may have been written.
    pub async fn send_all(&self, topic: &str, messages: Vec<Message>) -> Result<(), BusError> {
        let mut waiting = VecDeque::with_capacity(messages.len());
        for message in &messages {
            waiting.push_back((message.len_bytes(), self.enqueue(topic, message).await?));
        }
        let mut first_error = None;
        // All are awaited even after a failure, so that none of this call is under way when it returns.
        for (bytes, sent) in waiting {
            if let Err(error) = self.settle(topic, bytes, sent).await {
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    async fn enqueue(&self, topic: &str, message: &Message) -> Result<Sent, BusError> {
        let bytes = message.len_bytes();
        if bytes > MAX_MESSAGE_BYTES {
            return Err(BusError::TooLarge { topic: topic.to_owned(), bytes });
        }
        let begun = tokio::time::Instant::now();
        loop {
            let record = FutureRecord {
                topic,
                partition: None,
                payload: message.value.as_deref(),
                key: message.key.as_deref(),
                timestamp: None,
                headers: message.owned_headers(),
            };
            let Current { client, number: by } = self.current();
            match client.send_result(record) {
                Ok(delivery) => return Ok(Sent { delivery, by }),
                // Memory for what waits is full: what is under way makes room, or times out.
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _))
                    if begun.elapsed() < Duration::from_secs(10) =>
                {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err((error, _)) => return Err(self.explain(topic, bytes, error, by)),
            }
        }
    }

    async fn settle(&self, topic: &str, bytes: usize, sent: Sent) -> Result<(i32, i64), BusError> {
        match sent.delivery.await {
            Ok(Ok(delivered)) => Ok((delivered.partition, delivered.offset)),
            Ok(Err((error, _))) => Err(self.explain(topic, bytes, error, sent.by)),
            Err(_) => Err(BusError::Stopped),
        }
    }

    fn explain(&self, topic: &str, bytes: usize, error: KafkaError, by: u64) -> BusError {
        self.replace_when_spent(&error, by);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => BusError::TooLarge { topic: topic.to_owned(), bytes },
            Some(code) if is_unknown_topic(code) => BusError::UnknownTopic { topic: topic.to_owned() },
            _ => BusError::of(&self.inner.config.bootstrap, format!("a message to {topic}"), error),
        }
    }

    fn current(&self) -> Current {
        self.inner.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a fresh client after a fatal error, and after a message that timed out: librdkafka then goes on under
    /// an epoch that it made up by itself, and the embedded broker (tansu 0.6), which never heard of that epoch,
    /// panics on every message under it for as long as the client lives.
    fn replace_when_spent(&self, error: &KafkaError, by: u64) {
        let timed_out = error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageTimedOut);
        let fatal = self.current().client.client().fatal_error();
        if !timed_out && fatal.is_none() {
            return;
        }
        let mut current = self.inner.current.write().unwrap_or_else(PoisonError::into_inner);
        // Another caller may have been first.
        if current.number != by {
            return;
        }
        match fatal {
            Some((_, reason)) => {
                tracing::warn!(reason, "Kafka's client gave up its producer; a new one takes its place");
            }
            None => tracing::debug!("a message timed out; a new producer takes over"),
        }
        match connect(&self.inner.config) {
            Ok(client) => {
                let spent = std::mem::replace(&mut *current, Current { client, number: by + 1 });
                // What it still has fails now. Its drop joins a thread: not on one that serves requests.
                detached("bus-close", move || {
                    spent.client.purge(PurgeConfig::default().queue().inflight());
                    drop(spent);
                });
            }
            Err(error) => tracing::error!(%error, "no new producer"),
        }
    }
}

fn connect(config: &BusConfig) -> Result<Client, BusError> {
    let mut client = config.client();
    client
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", PATIENCE_MS)
        .set("linger.ms", "5")
        .set("compression.type", "zstd")
        // Keys land where Java's client puts them, too: replays and mirrors keep a VIN's order.
        .set("partitioner", "murmur2_random")
        // A topic that is missing is said so before the message's own time is over.
        .set("topic.metadata.propagation.max.ms", "8000");
    client.create_with_context(Log).map_err(BusError::config)
}
