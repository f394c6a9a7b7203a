//! One partition: claims it, applies its records in order, and survives whatever happens to Postgres, the
//! broker or the ownership meanwhile. A batch stays in hand until its transaction is known to have
//! committed or to be another owner's affair, so nothing is lost and nothing counts twice.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use otaru_bus::{BusError, Record};
use otaru_domain::clock;
use otaru_domain::topic;
use otaru_http::chain;
use otaru_store::StoreError;
use otaru_store::ingest::{Applied, blames_a_record};
use otaru_store::offsets::{self, Claim};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, Kind};
use crate::context::Context;
use crate::{letters, metrics};

/// Records in one transaction: beyond some thousands a larger one is no faster, and holds its locks longer.
const MAX_BATCH: usize = 4_000;
/// How long an owner that was fenced waits before it claims again: the group needs about half a second to
/// settle who owns what, and claiming at once would only fence the other one in turn.
const FENCED_PAUSE: Duration = Duration::from_millis(500);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Asks the task that owns the consumer to read on from an offset.
pub struct Seek {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub done: oneshot::Sender<Result<(), BusError>>,
}

/// The partition was given away, or the role stops.
#[derive(Debug)]
struct Over;

#[derive(Debug, Error)]
enum Failure {
    #[error("the batch could not be applied")]
    Store(#[from] StoreError),
    #[error("its dead letters could not be sent")]
    Bus(#[from] BusError),
}

pub struct Worker {
    context: Context,
    kind: Kind,
    claim: Claim,
    records: mpsc::Receiver<Vec<Record>>,
    seeks: mpsc::UnboundedSender<Seek>,
    over: CancellationToken,
}

/// Runs a partition until it is given away.
pub async fn run(
    context: Context,
    kind: Kind,
    (topic, partition): (String, i32),
    records: mpsc::Receiver<Vec<Record>>,
    seeks: mpsc::UnboundedSender<Seek>,
    over: CancellationToken,
) {
    // Nothing is applied with it: the epoch of a partition that was claimed is at least 1.
    let claim = Claim { consumer: kind.consumer(), topic, partition, next_offset: 0, epoch: 0 };
    let mut worker = Worker { context, kind, claim, records, seeks, over };
    let Over = worker.work().await;
    metrics::forget(&worker.claim);
}

impl Worker {
    async fn work(&mut self) -> Over {
        if let Err(over) = self.begin().await {
            return over;
        }
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let over = self.over.clone();
        loop {
            tokio::select! {
                biased;
                () = over.cancelled() => return Over,
                records = self.records.recv() => {
                    let Some(records) = records else { return Over };
                    if let Err(over) = self.take(records).await {
                        return over;
                    }
                }
                _ = look.tick() => self.look().await,
            }
        }
    }

    /// Claims the partition and reads on where it was left.
    async fn begin(&mut self) -> Result<(), Over> {
        self.reclaim().await?;
        self.seek().await
    }

    async fn reclaim(&mut self) -> Result<(), Over> {
        let mut pause = FIRST_RETRY;
        loop {
            let (topic, partition) = (&self.claim.topic, self.claim.partition);
            match offsets::claim(&self.context.store, self.claim.consumer, topic, partition, clock::now()).await {
                Ok(claim) => {
                    self.claim = claim;
                    return Ok(());
                }
                Err(error) => self.wait(&mut pause, &anyhow::Error::new(error).context("claiming a partition")).await?,
            }
        }
    }

    async fn seek(&mut self) -> Result<(), Over> {
        let mut pause = FIRST_RETRY;
        loop {
            match self.ask_to_seek().await? {
                Ok(()) => return Ok(()),
                Err(BusError::NotAssigned { .. } | BusError::Stopped) => return Err(Over),
                Err(error @ BusError::BeyondEnd { .. }) => {
                    // To apply a message again changes nothing, so what the topic has now is simply read.
                    tracing::error!(error = %error, "the topic has fewer messages than were applied; it is read from its start");
                    if let Err(error) = self.restart().await {
                        self.wait(&mut pause, &error).await?;
                    }
                }
                Err(error) => self.wait(&mut pause, &anyhow::Error::new(error).context("reading a partition")).await?,
            }
        }
    }

    /// Meanwhile throws away what still arrives from before: whoever delivers it must not have to wait.
    async fn ask_to_seek(&mut self) -> Result<Result<(), BusError>, Over> {
        let (done, mut answer) = oneshot::channel();
        let (topic, partition, offset) = (self.claim.topic.clone(), self.claim.partition, self.claim.next_offset);
        self.seeks.send(Seek { topic, partition, offset, done }).map_err(|_| Over)?;
        loop {
            tokio::select! {
                biased;
                () = self.over.cancelled() => return Err(Over),
                answer = &mut answer => return answer.map_err(|_| Over),
                stale = self.records.recv() => {
                    stale.ok_or(Over)?;
                }
            }
        }
    }

    async fn restart(&mut self) -> anyhow::Result<()> {
        let ends = self.context.bus.end_offsets(&self.claim.topic).await?;
        let low = ends.iter().find(|end| end.0 == self.claim.partition).map(|end| end.1);
        let low = low.with_context(|| format!("{} has no partition {}", self.claim.topic, self.claim.partition))?;
        Ok(offsets::reset(&self.context.store, &mut self.claim, low, clock::now()).await?)
    }

    /// Applies what arrived, with what else waits, in transactions of bounded size.
    async fn take(&mut self, mut records: Vec<Record>) -> Result<(), Over> {
        while records.len() < MAX_BATCH {
            let Ok(more) = self.records.try_recv() else { break };
            records.extend(more);
        }
        records.retain(|record| record.offset >= self.claim.next_offset);
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(MAX_BATCH));
            let batch = Batch::parse(self.kind, records, clock::now());
            records = if self.apply(batch).await? { rest } else { Vec::new() };
        }
        Ok(())
    }

    /// Applies a batch, in one transaction if all goes well. Gives whether the records after it are
    /// still the next ones.
    async fn apply(&mut self, mut batch: Batch) -> Result<bool, Over> {
        // What is still to be applied, the next one last.
        let whole = 0..batch.len();
        let mut ranges = vec![whole];
        let mut pause = FIRST_RETRY;
        while let Some(range) = ranges.pop() {
            let error = match self.commit(&batch, range.clone()).await {
                Ok(()) => {
                    pause = FIRST_RETRY;
                    continue;
                }
                Err(error) => error,
            };
            match &error {
                Failure::Store(cause) if blames_a_record(cause) => {
                    if range.len() > 1 {
                        let middle = range.start + range.len() / 2;
                        ranges.extend([middle..range.end, range.start..middle]);
                        continue;
                    }
                    if batch.put_aside(range.start, chain(cause)) {
                        ranges.push(range);
                        continue;
                    }
                }
                Failure::Store(StoreError::Fenced(_)) => self.rest(FENCED_PAUSE).await?,
                _ => {}
            }
            ranges.push(range);
            if !matches!(error, Failure::Store(StoreError::Fenced(_))) {
                self.wait(&mut pause, &anyhow::Error::new(error)).await?;
            }
            if !self.resume(&batch, &mut ranges).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Claims the partition again after a failure, which also tells whether the last transaction committed,
    /// and drops what is applied. Gives false when what is in hand is not what comes next: it was sought again.
    async fn resume(&mut self, batch: &Batch, ranges: &mut Vec<Range<usize>>) -> Result<bool, Over> {
        let first = ranges.last().map_or(0, |range| batch.offset(range.start));
        let held = self.claim.next_offset;
        self.reclaim().await?;
        if self.claim.next_offset < held {
            tracing::warn!(
                topic = self.claim.topic,
                partition = self.claim.partition,
                first,
                next = self.claim.next_offset,
                "the partition went back; it is read again from there"
            );
            self.seek().await?;
            return Ok(false);
        }
        let next = self.claim.next_offset;
        for range in ranges.iter_mut() {
            while range.start < range.end && batch.offset(range.start) < next {
                range.start += 1;
            }
        }
        ranges.retain(|range| !range.is_empty());
        Ok(true)
    }

    async fn commit(&mut self, batch: &Batch, range: Range<usize>) -> Result<(), Failure> {
        let _permit = self.context.permit().await;
        let begun = Instant::now();
        let now = clock::now();
        let to = batch.position(&range, self.context.high(&self.claim.topic, self.claim.partition));
        let size = range.len();
        let mut tx = self.context.store.begin().await?;
        let mut applied = batch.apply(&mut tx, &self.claim, to, range, now).await?;
        let dead = applied.dead.len();
        self.send_letters(&mut applied).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.claim.next_offset = to.next_offset;
        self.context.health.ready("ingest");
        metrics::applied(&self.claim, &applied, dead, size, begun.elapsed());
        metrics::lag(&self.claim, to, now);
        Ok(())
    }

    /// A letter that the broker refuses for good is in the table all the same.
    async fn send_letters(&self, applied: &mut Applied) -> Result<(), BusError> {
        let messages: Vec<_> = std::mem::take(&mut applied.dead).into_iter().map(letters::message).collect();
        if messages.is_empty() {
            return Ok(());
        }
        match self.context.producer.send_all(topic::DEAD_LETTERS, messages).await {
            Err(error @ (BusError::TooLarge { .. } | BusError::Refused { .. })) => {
                tracing::error!(error = %error, "a dead letter is only in the database");
                Ok(())
            }
            sent => sent,
        }
    }

    /// Notes how far the partition's end is, while nothing else does.
    async fn look(&mut self) {
        let high = self.context.high(&self.claim.topic, self.claim.partition);
        let now = clock::now();
        match offsets::observe(&self.context.store, &self.claim, high, now).await {
            Ok(()) => {
                self.context.health.ready("ingest");
                metrics::behind(&self.claim, high);
            }
            // Another owner looks now; the next batch, or the group, will tell.
            Err(StoreError::Fenced(_)) => {}
            Err(error) => self.context.health.not_ready("ingest", error.to_string()),
        }
    }

    async fn wait(&self, pause: &mut Duration, error: &anyhow::Error) -> Result<(), Over> {
        tracing::warn!(
            topic = self.claim.topic,
            partition = self.claim.partition,
            retry_ms = pause.as_millis(),
            "{error:#}"
        );
        self.context.health.not_ready("ingest", format!("{error:#}"));
        self.rest(*pause).await?;
        *pause = (*pause * 2).min(LAST_RETRY);
        Ok(())
    }

    async fn rest(&self, pause: Duration) -> Result<(), Over> {
        tokio::select! {
            () = self.over.cancelled() => Err(Over),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }
}
