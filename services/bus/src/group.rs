//! The thread behind a [`crate::Consumer`]: it polls the client, so that the group keeps this member, and never
//! waits for the reader. When the reader is slow, it pauses partitions rather than to stop polling.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc as commands};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::consumer::Partition;
use crate::{BusConfig, BusError, Record};

/// A batch is handed on when it has this many records or bytes, or its first record has waited this long.
const BATCH_RECORDS: usize = 5_000;
const BATCH_BYTES: usize = 4 * 1024 * 1024;
const BATCH_AGE: Duration = Duration::from_millis(50);
/// How long the reader may be slow before partitions are paused. Pausing throws away what was fetched ahead.
const PATIENCE: Duration = Duration::from_secs(2);
const SEEK: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(100);

pub(crate) enum Command {
    Seek {
        partition: Partition,
        offset: i64,
        /// The reading that the caller knew: if it is not the current one, the partition was assigned anew.
        replaces: u64,
        reading: u64,
        reply: oneshot::Sender<Result<(), BusError>>,
    },
}

pub(crate) enum Event {
    Assigned(Vec<(Partition, u64)>),
    Revoked(Vec<Partition>),
    Batch { partition: Partition, reading: u64, records: Vec<Record> },
}

enum Change {
    Assigned(Vec<Partition>),
    Revoked(Vec<Partition>),
}

/// Collects what the group decides while the client is polled.
#[derive(Default)]
struct Watch {
    changes: Mutex<Vec<Change>>,
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        crate::client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        crate::client::complain(&error, reason);
    }
}

impl ConsumerContext for Watch {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let named: Vec<Partition> =
            partitions.elements().iter().map(|one| (one.topic().to_owned(), one.partition())).collect();
        let (change, done) = if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            // Paused, at an offset of no meaning: the reader seeks. Without one the client would ask for commits.
            let done = partitions
                .set_all_offsets(Offset::Offset(0))
                .and_then(|()| consumer.incremental_assign(partitions))
                .and_then(|()| consumer.pause(partitions));
            (Change::Assigned(named), done)
        } else {
            (Change::Revoked(named), consumer.incremental_unassign(partitions))
        };
        if let Err(error) = done {
            tracing::warn!(%error, "Kafka's client did not take an assignment");
        }
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }
}

/// A partition that is ours.
struct Owned {
    reading: u64,
    /// The lowest offset that is still to be delivered; `None` until the first seek.
    next: Option<i64>,
    buffer: Vec<Record>,
    buffer_bytes: usize,
    since: Instant,
}

/// A member of a consumer group.
pub(crate) struct Group {
    client: BaseConsumer<Watch>,
    bootstrap: String,
    counter: Arc<AtomicU64>,
    owned: HashMap<Partition, Owned>,
    seeks: Vec<(Command, Instant)>,
    outbox: VecDeque<Event>,
    /// Since when the reader has not taken what is in the outbox.
    blocked: Option<Instant>,
    paused: bool,
}

impl Group {
    pub fn join(config: &BusConfig, group: &str, topics: &[&str], counter: Arc<AtomicU64>) -> Result<Self, BusError> {
        let mut settings = config.reader(group);
        settings
            // `range`, the default, leaves partitions without an owner on the embedded broker.
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "2000")
            // A topic that is created after the subscription is found within seconds, not minutes.
            .set("topic.metadata.refresh.interval.ms", "2000");
        let client: BaseConsumer<Watch> = settings.create_with_context(Watch::default()).map_err(BusError::config)?;
        client.subscribe(topics).map_err(BusError::config)?;
        Ok(Self {
            client,
            bootstrap: config.bootstrap.clone(),
            counter,
            owned: HashMap::new(),
            seeks: Vec::new(),
            outbox: VecDeque::new(),
            blocked: None,
            paused: false,
        })
    }

    pub fn run(
        mut self,
        events: mpsc::Sender<Event>,
        commands: &commands::Receiver<Command>,
        stop: &CancellationToken,
    ) {
        while !stop.is_cancelled() && !events.is_closed() {
            while let Ok(command) = commands.try_recv() {
                self.seeks.push((command, Instant::now()));
            }
            self.seek();
            self.hand_on(&events);
            if self.blocked.is_some() {
                self.wait_for_reader();
            } else {
                self.poll();
            }
            self.rebalanced();
            self.flush();
        }
        // Leaves the group; may take its time. The channel closes after it: that is how the reader knows.
        drop(self.client);
        drop(events);
    }

    /// Takes records for as long as a batch may wait.
    fn poll(&mut self) {
        let begun = Instant::now();
        loop {
            match self.client.poll(BATCH_AGE.saturating_sub(begun.elapsed())) {
                // Also when the group changed: that is looked at first.
                None => return,
                Some(Err(error)) => {
                    tracing::debug!(%error, "consuming");
                    return;
                }
                Some(Ok(message)) if buffer(&mut self.owned, &message) => return,
                Some(Ok(_)) => {}
            }
            if begun.elapsed() >= BATCH_AGE {
                return;
            }
        }
    }

    /// Keeps the group going while the reader is busy.
    fn wait_for_reader(&mut self) {
        if !self.paused && self.blocked.is_some_and(|since| since.elapsed() > PATIENCE) {
            self.paused = true;
            self.set_paused(true);
        }
        if self.paused {
            // Nothing should arrive, but the group is served.
            if let Some(Ok(message)) = self.client.poll(Duration::ZERO) {
                buffer(&mut self.owned, &message);
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }

    /// Takes over what the group decided.
    fn rebalanced(&mut self) {
        let changes =
            std::mem::take(&mut *self.client.context().changes.lock().unwrap_or_else(PoisonError::into_inner));
        for change in changes {
            match change {
                Change::Assigned(partitions) => {
                    let mut assigned = Vec::with_capacity(partitions.len());
                    for partition in partitions {
                        let reading = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
                        self.owned.insert(partition.clone(), Owned::new(reading));
                        assigned.push((partition, reading));
                    }
                    tracing::info!(partitions = assigned.len(), "partitions assigned");
                    self.outbox.push_back(Event::Assigned(assigned));
                }
                Change::Revoked(partitions) => {
                    for partition in &partitions {
                        self.owned.remove(partition);
                    }
                    tracing::info!(partitions = partitions.len(), "partitions revoked");
                    self.outbox.push_back(Event::Revoked(partitions));
                }
            }
        }
    }

    /// Carries out what was asked for. The client refuses to seek in a partition that it has not begun with:
    /// those wait.
    fn seek(&mut self) {
        for (command, since) in std::mem::take(&mut self.seeks) {
            let Command::Seek { partition, offset, replaces, reading, reply } = command;
            let (topic, number) = (partition.0.clone(), partition.1);
            let Some(owned) = self.owned.get_mut(&partition).filter(|owned| owned.reading == replaces) else {
                // The reader may be gone, too: then nobody minds.
                let _unheard = reply.send(Err(BusError::NotAssigned { topic, partition: number }));
                continue;
            };
            match self.client.seek(&topic, number, Offset::Offset(offset), RETRY) {
                Ok(()) => {
                    *owned = Owned { next: Some(offset), ..Owned::new(reading) };
                    if !self.paused {
                        pause(&self.client, [&partition], false);
                    }
                    let _unheard = reply.send(Ok(()));
                }
                Err(error) if since.elapsed() >= SEEK => {
                    // Silent until a seek succeeds: what was read before is not delivered any more.
                    *owned = Owned::new(reading);
                    let away =
                        BusError::Unreachable { bootstrap: self.bootstrap.clone(), source: Some(Box::new(error)) };
                    let _unheard = reply.send(Err(away));
                }
                Err(error) => {
                    tracing::debug!(%error, topic, partition = number, "seeking again");
                    self.seeks.push((Command::Seek { partition, offset, replaces, reading, reply }, since));
                }
            }
        }
    }

    /// Moves batches that are due to the outbox.
    fn flush(&mut self) {
        for (partition, owned) in &mut self.owned {
            if owned.is_full() || (!owned.buffer.is_empty() && owned.since.elapsed() >= BATCH_AGE) {
                owned.buffer_bytes = 0;
                let records = std::mem::take(&mut owned.buffer);
                self.outbox.push_back(Event::Batch { partition: partition.clone(), reading: owned.reading, records });
            }
        }
    }

    /// Gives the reader what it takes.
    fn hand_on(&mut self, events: &mpsc::Sender<Event>) {
        while let Some(event) = self.outbox.pop_front() {
            match events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.outbox.push_front(event);
                    self.blocked.get_or_insert_with(Instant::now);
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        }
        self.blocked = None;
        if self.paused {
            self.paused = false;
            self.set_paused(false);
        }
    }

    fn set_paused(&self, paused: bool) {
        let read = self.owned.iter().filter(|(_, owned)| owned.next.is_some()).map(|(partition, _)| partition);
        pause(&self.client, read, paused);
    }
}

impl Owned {
    fn new(reading: u64) -> Self {
        Self { reading, next: None, buffer: Vec::new(), buffer_bytes: 0, since: Instant::now() }
    }

    fn is_full(&self) -> bool {
        self.buffer.len() >= BATCH_RECORDS || self.buffer_bytes >= BATCH_BYTES
    }
}

/// Keeps a record for the next batch; returns whether that is full.
fn buffer(owned: &mut HashMap<Partition, Owned>, message: &BorrowedMessage<'_>) -> bool {
    let partition = (message.topic().to_owned(), message.partition());
    let Some(owned) = owned.get_mut(&partition) else { return false };
    // A broker may deliver again what was before: never backwards, and nothing before the first seek.
    if owned.next.is_none_or(|next| message.offset() < next) {
        return false;
    }
    owned.next = Some(message.offset() + 1);
    if owned.buffer.is_empty() {
        owned.since = Instant::now();
    }
    let record = Record::from(message);
    owned.buffer_bytes += record.len_bytes();
    owned.buffer.push(record);
    owned.is_full()
}

fn pause<'a>(client: &BaseConsumer<Watch>, partitions: impl IntoIterator<Item = &'a Partition>, paused: bool) {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    let done = if paused { client.pause(&list) } else { client.resume(&list) };
    if let Err(error) = done {
        tracing::warn!(%error, paused, "Kafka's client did not pause or resume");
    }
}
