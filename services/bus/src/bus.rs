//! The way in: one [`Bus`] per process, from which producers and readers are made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use otaru_domain::id::ModelId;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::client::{LateProbe, Probe};
use crate::{BusError, Consumer, Follow, Followed, Follower, MAX_MESSAGE_BYTES, Producer, Record, topics};

/// How long [`Bus::read_topic`] waits for the next record before the broker counts as away.
const SILENCE: Duration = Duration::from_secs(15);

/// How to reach Kafka.
#[derive(Clone)]
pub struct BusConfig {
    /// `host:port[,host:port…]`.
    pub bootstrap: String,
    /// Partitions of `otaru.acks` and `otaru.inventories`, fixed when they are created.
    pub acks_partitions: i32,
    /// Copies of each topic. From three on, two must have a message before it counts as written.
    pub replication: i32,
    /// Passed to librdkafka as they are: `security.protocol`, `sasl.*`, `ssl.*`.
    pub properties: Vec<(String, String)>,
}

impl BusConfig {
    /// One broker, six partitions.
    #[must_use]
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self { bootstrap: bootstrap.into(), acks_partitions: 6, replication: 1, properties: Vec::new() }
    }
}

/// What the client counts of a message beside its key and value, and more.
const OVERHEAD_BYTES: usize = 1024;

impl BusConfig {
    pub(crate) fn max_message_bytes(&self) -> usize {
        let set = self.properties.iter().rev().find(|(name, _)| name == "message.max.bytes");
        let limit = set.and_then(|(_, bytes)| bytes.parse::<usize>().ok());
        limit.map_or(MAX_MESSAGE_BYTES, |limit| limit.saturating_sub(OVERHEAD_BYTES).min(MAX_MESSAGE_BYTES))
    }
}

impl fmt::Debug for BusConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The properties' values are passwords, among others.
        let properties: Vec<&String> = self.properties.iter().map(|(key, _)| key).collect();
        f.debug_struct("BusConfig")
            .field("bootstrap", &self.bootstrap)
            .field("acks_partitions", &self.acks_partitions)
            .field("replication", &self.replication)
            .field("properties", &properties)
            .finish()
    }
}

/// Kafka.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    config: BusConfig,
    probe: LateProbe,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bus").field(&self.inner.config).finish()
    }
}

impl Bus {
    /// Connects when it is first used, so a role starts while the broker is still away.
    #[must_use]
    pub fn new(config: BusConfig) -> Self {
        Self { inner: Arc::new(Inner { config, probe: LateProbe::default() }) }
    }

    /// Creates the topics that every installation has, where they are missing.
    ///
    /// # Errors
    /// [`BusError::Unreachable`] while the broker is away, [`BusError::Refused`] without the right to create.
    pub async fn ensure_topics(&self) -> Result<(), BusError> {
        self.ask(|probe, config| topics::ensure(probe, config, &topics::standing(config))).await
    }

    /// Creates the topic that is the repository of `model`, if it is missing.
    ///
    /// # Errors
    /// As [`Bus::ensure_topics`].
    pub async fn ensure_manifests(&self, model: &ModelId) -> Result<(), BusError> {
        let topics = topics::repository(model);
        self.ask(move |probe, config| topics::ensure(probe, config, &topics)).await
    }

    /// The longest key and value together that can be sent, as far as the settings say.
    #[must_use]
    pub fn max_message_bytes(&self) -> usize {
        self.inner.config.max_message_bytes()
    }

    /// A producer: idempotent, acknowledged by all replicas in sync.
    ///
    /// # Errors
    /// [`BusError::Config`] when a property is not accepted.
    pub fn producer(&self) -> Result<Producer, BusError> {
        Producer::open(&self.inner.config)
    }

    /// Reads compacted topics from their start and stays with them.
    ///
    /// # Errors
    /// [`BusError::Config`] when a property is not accepted.
    pub fn follow(&self, topics: Follow, stop: CancellationToken) -> Result<Follower, BusError> {
        Follower::open(&self.inner.config, topics, stop)
    }

    /// Joins the consumer group `group`.
    ///
    /// # Errors
    /// [`BusError::Config`] when a property is not accepted.
    pub fn consume(&self, group: &str, topics: &[&str], stop: CancellationToken) -> Result<Consumer, BusError> {
        Consumer::open(self.clone(), &self.inner.config, group, topics, stop)
    }

    /// Of each partition: its number, its first offset, and the offset after its last.
    ///
    /// # Errors
    /// [`BusError::UnknownTopic`], or [`BusError::Unreachable`] while the broker is away.
    pub async fn end_offsets(&self, topic: &str) -> Result<Vec<(i32, i64, i64)>, BusError> {
        let topic = topic.to_owned();
        self.ask(move |probe, _| {
            let partitions = probe.partitions(&topic)?;
            partitions
                .into_iter()
                .map(|partition| probe.watermarks(&topic, partition).map(|(low, high)| (partition, low, high)))
                .collect()
        })
        .await
    }

    /// The records of a (small) topic from its start to its present end, by partition and offset.
    ///
    /// # Errors
    /// [`BusError::UnknownTopic`], or [`BusError::Unreachable`] when the broker falls silent.
    pub async fn read_topic(&self, topic: &str) -> Result<Vec<Record>, BusError> {
        self.end_offsets(topic).await?;
        let stop = CancellationToken::new();
        let _ends_with_this_call = stop.clone().drop_guard();
        let mut follower = self.follow(Follow::Topics(vec![topic.to_owned()]), stop)?;
        let mut records = Vec::new();
        loop {
            match timeout(SILENCE, follower.next()).await {
                Ok(Some(Followed::Record(record))) => records.push(record),
                Ok(Some(Followed::CaughtUp { .. })) => break,
                Ok(Some(_)) => {}
                Ok(None) => return Err(BusError::Stopped),
                Err(_) => {
                    let bootstrap = self.inner.config.bootstrap.clone();
                    return Err(BusError::Unreachable { bootstrap, source: None });
                }
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        Ok(records)
    }

    pub(crate) async fn watermarks(&self, topic: &str, partition: i32) -> Result<(i64, i64), BusError> {
        let topic = topic.to_owned();
        self.ask(move |probe, _| probe.watermarks(&topic, partition)).await
    }

    /// Runs a question, which blocks, on a thread for blocking work.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Probe, &BusConfig) -> Result<T, BusError> + Send + 'static,
    ) -> Result<T, BusError> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || {
            let probe = inner.probe.get(&inner.config)?;
            question(&probe, &inner.config)
        })
        .await
        .map_err(|_| BusError::Stopped)?
    }
}

/// Runs `work` on a thread of its own that nobody waits for. Without threads it is not run: the process is ending.
pub(crate) fn detached(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(work) {
        tracing::warn!(%error, name, "no thread to close a Kafka client on");
    }
}
