//! The settings that every client shares, and the client for questions (metadata, watermarks, creating
//! topics). librdkafka reports each failed attempt to connect; those go to the debug log, because the
//! callers say once, and in their own words, that the broker is away.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::error::{BusError, is_unknown_topic};
use crate::{BusConfig, bus::detached};

/// How long a question to the broker may take before it counts as away.
pub(crate) const ASK: Duration = Duration::from_secs(5);

/// Routes the client's own log.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Log;

impl ClientContext for Log {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        complain(&error, reason);
    }
}

impl ConsumerContext for Log {}

/// A broker that refuses to talk looks, to whoever waits for it, like one that is away: only here is the reason.
pub(crate) fn complain(error: &KafkaError, reason: &str) {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism | Code::SSL) => {
            tracing::warn!(reason, "the broker refuses the connection: check the sasl.* and ssl.* properties");
        }
        _ => tracing::debug!(%error, reason, "kafka client"),
    }
}

pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::warn!(facility, message, "kafka client");
        }
        _ => tracing::debug!(facility, message, "kafka client"),
    }
}

impl BusConfig {
    /// Our defaults, then the installation's properties. What a role depends on is set after this.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("client.id", "otaru")
            .set("socket.keepalive.enable", "true")
            .set("socket.timeout.ms", "10000")
            // A broker that comes back is found within two seconds.
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "2000")
            .set("message.max.bytes", "9000000");
        for (key, value) in &self.properties {
            client.set(key, value);
        }
        client.set("bootstrap.servers", &self.bootstrap);
        client
    }

    /// For readers: no positions in Kafka, and no topic made by asking for it.
    pub(crate) fn reader(&self, group: &str) -> ClientConfig {
        let mut client = self.client();
        client
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("allow.auto.create.topics", "false")
            .set("isolation.level", "read_uncommitted");
        client
    }
}

/// One connection for questions, made when the first is asked and kept.
pub(crate) struct Probe {
    pub admin: AdminClient<Log>,
    pub reader: BaseConsumer<Log>,
    bootstrap: String,
}

impl Probe {
    fn open(config: &BusConfig) -> Result<Self, BusError> {
        // As a consumer without a group: asking for a topic as a producer may create it.
        let mut client = config.client();
        client.set("allow.auto.create.topics", "false");
        let reader = client.create_with_context(Log).map_err(BusError::config)?;
        let admin = config.client().create_with_context(Log).map_err(BusError::config)?;
        Ok(Self { admin, reader, bootstrap: config.bootstrap.clone() })
    }

    /// The partitions of `topic`, rising. A topic whose partitions have no leader yet counts as away.
    pub fn partitions(&self, topic: &str) -> Result<Vec<i32>, BusError> {
        partitions(&self.reader, &self.bootstrap, topic)
    }

    /// The first offset and the one after the last.
    pub fn watermarks(&self, topic: &str, partition: i32) -> Result<(i64, i64), BusError> {
        watermarks(&self.reader, &self.bootstrap, topic, partition)
    }
}

pub(crate) fn partitions<C: ConsumerContext>(
    reader: &BaseConsumer<C>,
    bootstrap: &str,
    topic: &str,
) -> Result<Vec<i32>, BusError> {
    let unknown = || BusError::UnknownTopic { topic: topic.to_owned() };
    let away = || BusError::Unreachable { bootstrap: bootstrap.to_owned(), source: None };
    let metadata = reader.fetch_metadata(Some(topic), ASK).map_err(|error| match error.rdkafka_error_code() {
        Some(code) if is_unknown_topic(code) => unknown(),
        _ => BusError::of(bootstrap, format!("the metadata of {topic}"), error),
    })?;
    let found = metadata.topics().iter().find(|found| found.name() == topic).ok_or_else(unknown)?;
    if found.partitions().is_empty() {
        return Err(unknown());
    }
    if found.partitions().iter().any(|partition| partition.leader() < 0) {
        return Err(away());
    }
    let mut partitions: Vec<i32> = found.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect();
    partitions.sort_unstable();
    Ok(partitions)
}

pub(crate) fn watermarks<C: ConsumerContext>(
    reader: &BaseConsumer<C>,
    bootstrap: &str,
    topic: &str,
    partition: i32,
) -> Result<(i64, i64), BusError> {
    reader.fetch_watermarks(topic, partition, ASK).map_err(|error| match error.rdkafka_error_code() {
        Some(code) if is_unknown_topic(code) => BusError::UnknownTopic { topic: topic.to_owned() },
        _ => BusError::of(bootstrap, format!("the offsets of {topic}"), error),
    })
}

/// The probe of a [`crate::Bus`], opened late so that a role starts while the broker is away.
#[derive(Default)]
pub(crate) struct LateProbe(Mutex<Option<Arc<Probe>>>);

impl LateProbe {
    pub fn get(&self, config: &BusConfig) -> Result<Arc<Probe>, BusError> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(probe) = slot.as_ref() {
            return Ok(Arc::clone(probe));
        }
        let probe = Arc::new(Probe::open(config)?);
        *slot = Some(Arc::clone(&probe));
        Ok(probe)
    }
}

impl Drop for LateProbe {
    fn drop(&mut self) {
        // Closing a client joins its threads: not on a thread that serves requests.
        if let Some(probe) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            detached("bus-close", move || drop(probe));
        }
    }
}
