//! The topics and their settings, said explicitly: a broker's defaults differ, and each of these topics
//! is a source of truth or a repository that a wrong default would empty.

use std::time::{Duration, Instant};

use futures::executor::block_on;
use otaru_domain::id::ModelId;
use otaru_domain::topic;
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::client::Probe;
use crate::{BusConfig, BusError, MAX_MESSAGE_BYTES};

/// A hundred years: acks and inventories are what a rebuild starts from. Not -1 ("for ever"), which the
/// embedded broker (tansu 0.6) takes for a negative age and deletes everything at once.
const FOR_EVER_MS: u64 = 100 * 366 * DAY_MS;
const YEAR_MS: u64 = 366 * DAY_MS;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const HOUR_MS: u64 = 60 * 60 * 1000;
/// Room for headers and the framing of a batch.
const FRAMING_BYTES: usize = 64 * 1024;
/// How long a new topic may take until each of its partitions has a leader.
const SETTLE: Duration = Duration::from_secs(10);

pub(crate) struct Topic {
    name: String,
    partitions: i32,
    settings: Vec<(&'static str, String)>,
}

impl Topic {
    fn kept(name: &str, partitions: i32, retention_ms: u64) -> Self {
        Self {
            name: name.to_owned(),
            partitions,
            settings: vec![
                ("cleanup.policy", "delete".to_owned()),
                ("retention.ms", retention_ms.to_string()),
                ("retention.bytes", "-1".to_owned()),
                // When a report came is for the broker to say: a writer could date it back.
                ("message.timestamp.type", "LogAppendTime".to_owned()),
            ],
        }
    }

    fn compacted(name: String) -> Self {
        Self {
            name,
            partitions: 1,
            settings: vec![
                ("cleanup.policy", "compact".to_owned()),
                // A segment that is written to is never compacted: a quiet topic would keep all it ever held.
                ("segment.ms", HOUR_MS.to_string()),
                ("min.cleanable.dirty.ratio", "0.1".to_owned()),
                // A reader that was away this long may miss a tombstone: it reads the topic from its start anyway.
                ("delete.retention.ms", (7 * DAY_MS).to_string()),
            ],
        }
    }
}

/// The topics that every installation has.
pub(crate) fn standing(config: &BusConfig) -> Vec<Topic> {
    vec![
        Topic::kept(topic::ACKS, config.acks_partitions, FOR_EVER_MS),
        Topic::kept(topic::INVENTORIES, config.acks_partitions, FOR_EVER_MS),
        Topic::kept(topic::DEAD_LETTERS, 1, YEAR_MS),
        Topic::kept(topic::EVENTS, 1, YEAR_MS),
        Topic::compacted(topic::REVOCATIONS.to_owned()),
    ]
}

/// The repository of `model`.
pub(crate) fn repository(model: &ModelId) -> Vec<Topic> {
    vec![Topic::compacted(topic::manifests(model))]
}

/// Creates what is missing, and returns when all of it can be written to. Blocks.
pub(crate) fn ensure(probe: &Probe, config: &BusConfig, topics: &[Topic]) -> Result<(), BusError> {
    let in_sync = if config.replication >= 3 { "2" } else { "1" };
    let max_bytes = (MAX_MESSAGE_BYTES + FRAMING_BYTES).to_string();
    let new: Vec<NewTopic<'_>> = topics
        .iter()
        .map(|topic| {
            let new = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(config.replication))
                .set("min.insync.replicas", in_sync)
                .set("max.message.bytes", &max_bytes);
            topic.settings.iter().fold(new, |new, (key, value)| new.set(key, value))
        })
        .collect();
    let options = AdminOptions::new().request_timeout(Some(SETTLE)).operation_timeout(Some(SETTLE));
    let outcomes = block_on(probe.admin.create_topics(&new, &options)).map_err(|error| match error {
        // The request as a whole failed; the client hides the code one level down.
        KafkaError::AdminOp(code) => BusError::of(&config.bootstrap, "to create topics", KafkaError::Global(code)),
        other => BusError::of(&config.bootstrap, "to create topics", other),
    })?;
    for outcome in outcomes {
        match outcome {
            Ok(name) => tracing::info!(topic = name, "topic created"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                let error = KafkaError::Global(code);
                return Err(BusError::of(&config.bootstrap, format!("to create the topic {name}"), error));
            }
        }
    }
    topics.iter().try_for_each(|topic| settle(probe, topic))
}

/// Waits until `topic` is known and the leader of each partition answers for it.
fn settle(probe: &Probe, topic: &Topic) -> Result<(), BusError> {
    let begun = Instant::now();
    loop {
        let answered = probe.partitions(&topic.name).and_then(|partitions| {
            partitions.iter().try_for_each(|partition| probe.watermarks(&topic.name, *partition).map(drop))?;
            Ok(partitions)
        });
        match answered {
            Ok(found) => {
                if i32::try_from(found.len()) != Ok(topic.partitions) {
                    // Counters and positions are kept per partition: the number stays what it was.
                    tracing::warn!(
                        topic = topic.name,
                        found = found.len(),
                        configured = topic.partitions,
                        "the topic has another number of partitions than configured; the topic's counts"
                    );
                }
                return Ok(());
            }
            Err(error) if error.is_transient() && begun.elapsed() < SETTLE => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error),
        }
    }
}
