//! Reads compacted topics from their start and stays with them: what the gateway's memory is made of.
//!
//! No consumer group: each follower reads everything. The work runs on a thread of its own, because the
//! client's calls block, and its drop, too.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use otaru_domain::topic;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bus::detached;
use crate::client::{ASK, Log, partitions, watermarks};
use crate::{BusConfig, BusError, Record};

/// How often the broker is asked for new topics, and whether it is there.
const LOOK: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(100);
/// Records that wait for their reader.
const CAPACITY: usize = 1024;

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follow {
    /// These; one that does not exist yet is read as soon as it does.
    Topics(Vec<String>),
    /// The repositories of all models; a new model's is found within seconds.
    Manifests,
    /// One topic, each partition from an offset on; from its start where none is given or the topic ends before it.
    From { topic: String, offsets: HashMap<i32, i64> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// First of all, once: the topics that are there. Each of them gets its `CaughtUp`.
    Following {
        topics: Vec<String>,
    },
    Record(Record),
    /// Once per topic: everything that was in it when it was found has been delivered.
    CaughtUp {
        topic: String,
    },
    /// The broker does not answer. What was delivered stays valid, but may be out of date.
    Lost {
        reason: String,
    },
    /// It answers again, and goes on where it was.
    Recovered,
}

/// A reader of compacted topics. Dropping it ends its thread.
#[derive(Debug)]
pub struct Follower {
    events: mpsc::Receiver<Followed>,
    stop: CancellationToken,
}

impl Follower {
    pub(crate) fn open(config: &BusConfig, what: Follow, stop: CancellationToken) -> Result<Self, BusError> {
        let mut settings = config.reader("otaru-follower");
        settings.set("auto.offset.reset", "earliest");
        let reader = settings.create_with_context(Log).map_err(BusError::config)?;
        let (sender, events) = mpsc::channel(CAPACITY);
        let work = Work {
            reader,
            bootstrap: config.bootstrap.clone(),
            what,
            events: sender,
            topics: HashMap::new(),
            empty: Vec::new(),
            answering: None,
        };
        let ended = stop.clone();
        detached("bus-follower", move || work.run(&ended));
        Ok(Self { events, stop })
    }

    /// The next thing that happened, per partition in rising order of offsets. `None` once stopped.
    pub async fn next(&mut self) -> Option<Followed> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            event = self.events.recv() => event,
        }
    }
}

struct Work {
    reader: BaseConsumer<Log>,
    bootstrap: String,
    what: Follow,
    events: mpsc::Sender<Followed>,
    topics: HashMap<String, HashMap<i32, Position>>,
    /// Topics that had nothing in them when they were found, and whose `CaughtUp` is still to be said.
    empty: Vec<String>,
    /// Whether the broker answered last time; nothing is known before the first time.
    answering: Option<bool>,
}

/// Where reading a partition is.
#[derive(Debug, Clone, Copy)]
struct Position {
    /// The lowest offset that is still to be delivered.
    next: i64,
    /// The end when the topic was found; `None` once reached.
    until: Option<i64>,
}

/// The reader is gone: nothing more to do.
struct Gone;

impl Work {
    fn run(mut self, stop: &CancellationToken) {
        let mut looked: Option<Instant> = None;
        while !stop.is_cancelled() && !self.events.is_closed() {
            if looked.is_none_or(|last| last.elapsed() >= LOOK) {
                if self.look().is_err() {
                    return;
                }
                looked = Some(Instant::now());
            }
            if self.answering.is_none() {
                // What there is to follow is said before anything of it is delivered.
                std::thread::sleep(POLL);
            } else if self.read(looked).is_err() {
                return;
            }
        }
    }

    /// Delivers what arrives until it is time to look again.
    fn read(&mut self, looked: Option<Instant>) -> Result<(), Gone> {
        while looked.is_some_and(|last| last.elapsed() < LOOK) {
            let record = match self.reader.poll(POLL) {
                None => return Ok(()),
                // Connections come and go; `look` finds out whether the broker is there.
                Some(Err(error)) => {
                    tracing::debug!(%error, "following");
                    return Ok(());
                }
                Some(Ok(message)) => {
                    let Some(position) = self.topics.get(message.topic()).and_then(|all| all.get(&message.partition()))
                    else {
                        continue;
                    };
                    // The embedded broker delivers a compacted log twice, with offsets that go backwards.
                    if message.offset() < position.next {
                        continue;
                    }
                    Record::from(&message)
                }
            };
            let (topic, partition, next) = (record.topic.clone(), record.partition, record.offset + 1);
            self.tell(Followed::Record(record))?;
            self.advance(&topic, partition, next)?;
        }
        Ok(())
    }

    /// Finds new topics, and whether the broker answers.
    fn look(&mut self) -> Result<(), Gone> {
        match self.discover() {
            Ok(()) => {
                match self.answering {
                    Some(true) => {}
                    Some(false) => self.tell(Followed::Recovered)?,
                    None => {
                        let mut topics: Vec<String> = self.topics.keys().cloned().collect();
                        topics.sort();
                        self.tell(Followed::Following { topics })?;
                    }
                }
                self.answering = Some(true);
                for topic in std::mem::take(&mut self.empty) {
                    self.tell(Followed::CaughtUp { topic })?;
                }
                self.recheck()
            }
            Err(error) => {
                if self.answering == Some(true) {
                    self.answering = Some(false);
                    self.tell(Followed::Lost { reason: error.to_string() })?;
                } else {
                    tracing::debug!(%error, "the broker is still away");
                }
                Ok(())
            }
        }
    }

    /// Starts reading what was not there before.
    fn discover(&mut self) -> Result<(), BusError> {
        for topic in self.missing()? {
            let Some(positions) = self.ends_of(&topic)? else { continue };
            let mut assignment = TopicPartitionList::new();
            for (partition, position) in &positions {
                let from = if position.next == 0 { Offset::Beginning } else { Offset::Offset(position.next) };
                assignment
                    .add_partition_offset(&topic, *partition, from)
                    .map_err(|error| BusError::of(&self.bootstrap, format!("to read {topic}"), error))?;
            }
            self.reader
                .incremental_assign(&assignment)
                .map_err(|error| BusError::of(&self.bootstrap, format!("to read {topic}"), error))?;
            if positions.values().all(|position| position.until.is_none()) {
                self.empty.push(topic.clone());
            }
            self.topics.insert(topic, positions);
        }
        Ok(())
    }

    /// The topics that should be read and are not, by one question to the broker in any case.
    fn missing(&self) -> Result<Vec<String>, BusError> {
        let wanted = |name: &str| match &self.what {
            Follow::Topics(topics) => topics.iter().any(|topic| topic == name),
            Follow::Manifests => topic::manifests_model(name).is_some(),
            Follow::From { topic, .. } => topic == name,
        };
        let only = match &self.what {
            Follow::Topics(topics) if topics.len() == 1 => topics.first().map(String::as_str),
            Follow::From { topic, .. } => Some(topic.as_str()),
            _ => None,
        };
        let metadata = self
            .reader
            .fetch_metadata(only, ASK)
            .map_err(|error| BusError::of(&self.bootstrap, "the list of topics", error))?;
        let known = metadata.topics().iter().filter(|topic| !topic.partitions().is_empty());
        let mut missing: Vec<String> = known
            .map(|topic| topic.name().to_owned())
            .filter(|name| wanted(name) && !self.topics.contains_key(name))
            .collect();
        missing.sort();
        Ok(missing)
    }

    /// Where each partition of `topic` ends now; `None` while it is still being created.
    fn ends_of(&self, topic: &str) -> Result<Option<HashMap<i32, Position>>, BusError> {
        let numbers = match partitions(&self.reader, &self.bootstrap, topic) {
            Ok(numbers) => numbers,
            Err(BusError::UnknownTopic { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut positions = HashMap::new();
        for partition in numbers {
            let (low, high) = watermarks(&self.reader, &self.bootstrap, topic, partition)?;
            let next = self.start_of(partition, low, high);
            let until = (high > low.max(next)).then_some(high);
            positions.insert(partition, Position { next, until });
        }
        Ok(Some(positions))
    }

    /// Where to begin in a partition that has what is from `low` to `high`. Nobody would say that nothing is there.
    fn start_of(&self, partition: i32, low: i64, high: i64) -> i64 {
        let Follow::From { offsets, .. } = &self.what else { return 0 };
        offsets.get(&partition).copied().filter(|from| (low..=high).contains(from)).unwrap_or(0)
    }

    /// Notes that everything below `next` was delivered.
    fn advance(&mut self, topic: &str, partition: i32, next: i64) -> Result<(), Gone> {
        let Some(position) = self.topics.get_mut(topic).and_then(|all| all.get_mut(&partition)) else { return Ok(()) };
        position.next = position.next.max(next);
        if position.until.is_some_and(|until| position.next >= until) {
            position.until = None;
            return self.settle(topic);
        }
        Ok(())
    }

    /// Says `CaughtUp` when no partition of `topic` has anything left from before.
    fn settle(&self, topic: &str) -> Result<(), Gone> {
        let pending = self.topics.get(topic).is_none_or(|all| all.values().any(|position| position.until.is_some()));
        if pending { Ok(()) } else { self.tell(Followed::CaughtUp { topic: topic.to_owned() }) }
    }

    /// Gives up waiting for records that retention has deleted meanwhile: nothing would say so.
    fn recheck(&mut self) -> Result<(), Gone> {
        let pending: Vec<(String, i32, i64)> = self
            .topics
            .iter()
            .flat_map(|(topic, all)| all.iter().map(move |(partition, position)| (topic, partition, position)))
            .filter_map(|(topic, partition, position)| position.until.map(|until| (topic.clone(), *partition, until)))
            .collect();
        for (topic, partition, until) in pending {
            match watermarks(&self.reader, &self.bootstrap, &topic, partition) {
                Ok((low, high)) if low >= until || low == high => self.advance(&topic, partition, until)?,
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, topic, partition, "asking for the end"),
            }
        }
        Ok(())
    }

    fn tell(&self, event: Followed) -> Result<(), Gone> {
        self.events.blocking_send(event).map_err(|_| Gone)
    }
}
