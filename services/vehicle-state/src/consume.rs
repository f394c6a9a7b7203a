//! The group: hands each partition that it is given to a worker of its own, and the partition's records to
//! that worker. A worker that falls behind holds this task up, and with it the consumer, which then pauses:
//! what Postgres cannot take stays in Kafka.

use std::collections::HashMap;
use std::time::Duration;

use otaru_bus::{Consumed, Consumer, Record};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::batch::Kind;
use crate::context::Context;
use crate::worker::{self, Seek};

const GROUP: &str = "otaru.vehicle-state";
/// Batches that wait for a worker beside the one it applies.
const WAITING: usize = 4;
/// How long the transactions under way may take when the role stops.
const GRACE: Duration = Duration::from_secs(4);
const REJOIN: Duration = Duration::from_secs(1);

struct Handle {
    records: mpsc::Sender<Vec<Record>>,
    over: CancellationToken,
}

struct Partitions {
    context: Context,
    handles: HashMap<(String, i32), Handle>,
    tasks: JoinSet<()>,
    seeks: mpsc::UnboundedSender<Seek>,
    stop: CancellationToken,
}

/// Reads until `stop`.
pub async fn run(context: Context, stop: CancellationToken) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        let consumer = context.bus.consume(GROUP, &Kind::TOPICS, stop.child_token())?;
        membership(context.clone(), consumer, &stop).await;
        if !stop.is_cancelled() {
            tracing::warn!("the consumer ended; joining the group again");
            tokio::time::sleep(REJOIN).await;
        }
    }
    Ok(())
}

/// One membership of the group, until the consumer ends.
async fn membership(context: Context, mut consumer: Consumer, stop: &CancellationToken) {
    let (seeks, mut wanted) = mpsc::unbounded_channel::<Seek>();
    let over = stop.child_token();
    let mut partitions =
        Partitions { context, handles: HashMap::new(), tasks: JoinSet::new(), seeks, stop: over.clone() };
    loop {
        tokio::select! {
            consumed = consumer.next() => match consumed {
                Some(consumed) => partitions.consumed(consumed).await,
                None => break,
            },
            Some(seek) = wanted.recv() => {
                let sought = consumer.seek(&seek.topic, seek.partition, seek.offset).await;
                // Its worker may be gone meanwhile: the partition was given away.
                drop(seek.done.send(sought));
            }
            Some(ended) = partitions.tasks.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a partition's task failed; leaving the group to join it anew");
                    break;
                }
            }
        }
    }
    over.cancel();
    let ended = async { while partitions.tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        tracing::warn!("transactions are still under way; Postgres rolls them back, and they are applied again");
    }
}

impl Partitions {
    async fn consumed(&mut self, consumed: Consumed) {
        match consumed {
            Consumed::Assigned(assigned) => {
                for partition in assigned {
                    self.start(partition);
                }
            }
            Consumed::Revoked(revoked) => {
                for partition in revoked {
                    if let Some(handle) = self.handles.remove(&partition) {
                        handle.over.cancel();
                    }
                }
            }
            Consumed::Batch(records) => {
                let Some(first) = records.first() else { return };
                let Some(handle) = self.handles.get(&(first.topic.clone(), first.partition)) else { return };
                tokio::select! {
                    // Fails only when its worker ended, which it does not before its partition is revoked.
                    sent = handle.records.send(records) => drop(sent),
                    () = self.stop.cancelled() => {}
                }
            }
        }
    }

    fn start(&mut self, partition: (String, i32)) {
        let Some(kind) = Kind::of(&partition.0) else { return };
        let (records, receiver) = mpsc::channel(WAITING);
        let over = self.stop.child_token();
        let work =
            worker::run(self.context.clone(), kind, partition.clone(), receiver, self.seeks.clone(), over.clone());
        self.tasks.spawn(work);
        if let Some(before) = self.handles.insert(partition, Handle { records, over }) {
            before.over.cancel();
        }
    }
}
