//! Reading `otaru.acks` and the like with several processes: partitions are shared out by Kafka, positions are
//! kept by the reader, in the same transaction as what it makes of the records.
//!
//! So nothing is read from a partition before the reader says where to begin ([`Consumer::seek`]), and what was
//! read before a seek or for an earlier owner is never delivered after it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc as commands};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::bus::detached;
use crate::group::{Command, Event, Group};
use crate::{Bus, BusConfig, BusError, Record};

/// How long a stopped consumer is given to say goodbye to its group, so that others take over at once.
const GOODBYE: Duration = Duration::from_secs(3);
/// Batches that wait for their reader, over all partitions.
const CAPACITY: usize = 16;

/// A partition of a topic.
pub(crate) type Partition = (String, i32);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consumed {
    /// These are ours now: load their positions and [`Consumer::seek`] each.
    Assigned(Vec<(String, i32)>),
    /// These are not any more. No record of theirs follows.
    Revoked(Vec<(String, i32)>),
    /// Records of one partition, offsets rising.
    Batch(Vec<Record>),
}

/// A member of a consumer group.
#[derive(Debug)]
pub struct Consumer {
    bus: Bus,
    events: mpsc::Receiver<Event>,
    commands: commands::Sender<Command>,
    stop: CancellationToken,
    /// Which reading of each partition is current: batches of an older one are dropped.
    readings: Mutex<HashMap<Partition, u64>>,
    counter: Arc<AtomicU64>,
}

impl Consumer {
    pub(crate) fn open(
        bus: Bus,
        config: &BusConfig,
        group: &str,
        topics: &[&str],
        stop: CancellationToken,
    ) -> Result<Self, BusError> {
        let (event_sender, events) = mpsc::channel(CAPACITY);
        let (command_sender, command_receiver) = commands::channel();
        let counter = Arc::new(AtomicU64::new(0));
        let member = Group::join(config, group, topics, Arc::clone(&counter))?;
        let ended = stop.clone();
        detached("bus-consumer", move || member.run(event_sender, &command_receiver, &ended));
        Ok(Self { bus, events, commands: command_sender, stop, readings: Mutex::default(), counter })
    }

    /// What happened next. `None` once stopped and out of the group.
    pub async fn next(&mut self) -> Option<Consumed> {
        loop {
            let event = tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    self.leave().await;
                    return None;
                }
                event = self.events.recv() => event?,
            };
            let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::Assigned(assigned) => {
                    readings.extend(assigned.iter().cloned());
                    return Some(Consumed::Assigned(assigned.into_iter().map(|(partition, _)| partition).collect()));
                }
                Event::Revoked(revoked) => {
                    for partition in &revoked {
                        readings.remove(partition);
                    }
                    return Some(Consumed::Revoked(revoked));
                }
                Event::Batch { partition, reading, records } if readings.get(&partition) == Some(&reading) => {
                    return Some(Consumed::Batch(records));
                }
                Event::Batch { .. } => {}
            }
        }
    }

    /// Reads `partition` of `topic` from `offset` on. Batches read before are not delivered any more.
    ///
    /// # Errors
    /// [`BusError::NotAssigned`] when it went to another consumer meanwhile, [`BusError::BeyondEnd`] when the
    /// broker has lost records that were applied, [`BusError::Unreachable`] while the broker is away: try again. After
    /// an error the partition may be silent until a seek succeeds.
    pub async fn seek(&self, topic: &str, partition: i32, offset: i64) -> Result<(), BusError> {
        // Neither broker says so when there is nothing at an offset: one is silent, the other starts elsewhere.
        let (low, high) = self.watermarks(topic, partition).await?;
        if offset > high {
            return Err(BusError::BeyondEnd { topic: topic.to_owned(), partition, offset, high });
        }
        if offset < low {
            tracing::warn!(topic, partition, offset, low, "the records before were deleted; reading starts after them");
        }
        let gone = || BusError::NotAssigned { topic: topic.to_owned(), partition };
        let reading = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        let replaces = {
            let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
            let current = readings.get_mut(&(topic.to_owned(), partition)).ok_or_else(gone)?;
            std::mem::replace(current, reading)
        };
        let (reply, outcome) = oneshot::channel();
        let at = (topic.to_owned(), partition);
        let command = Command::Seek { partition: at, offset: offset.max(low), replaces, reading, reply };
        self.commands.send(command).map_err(|_| BusError::Stopped)?;
        outcome.await.map_err(|_| BusError::Stopped)?
    }

    /// The first offset of a partition and the one after its last.
    ///
    /// # Errors
    /// [`BusError::UnknownTopic`], or [`BusError::Unreachable`] while the broker is away.
    pub async fn watermarks(&self, topic: &str, partition: i32) -> Result<(i64, i64), BusError> {
        self.bus.watermarks(topic, partition).await
    }

    /// Waits until the thread has left the group, but not for ever: closing a client may hang.
    async fn leave(&mut self) {
        let closed = async { while self.events.recv().await.is_some() {} };
        if tokio::time::timeout(GOODBYE, closed).await.is_err() {
            tracing::warn!("the consumer did not leave its group in time; the group notices by itself in seconds");
        }
    }
}
