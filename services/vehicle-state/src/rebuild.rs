//! Proof that the topic holds the truth: `otaru.acks`, replayed from its beginning through the very function
//! that the ingest uses, gives the same rows and counters again.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use otaru_bus::{Bus, Follow, Followed, Record};
use otaru_domain::{clock, topic};
use otaru_store::Store;
use otaru_store::ingest::{Rejected, SIGNATURE, UNAPPLIABLE, UNKNOWN_ASSIGNMENT, UNKNOWN_VEHICLE, replay_acks};
use otaru_store::offsets::{self, Claim, Position};
use otaru_store::rebuild::{Difference, PutAside, Rebuild, Target};
use tokio_util::sync::CancellationToken;

use crate::{Config, message};

const MAX_BATCH: usize = 4_000;
/// How long the broker may be silent before the replay gives up.
const SILENCE: Duration = Duration::from_secs(30);

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildReport {
    /// Messages of `otaru.acks` that were replayed.
    pub messages: u64,
    /// Rows and counters that were compared; 0 without a comparison.
    pub assignments: i64,
    pub counters: i64,
    pub history: i64,
    /// The first rows that differ; none when all are the same.
    pub differences: Vec<Difference>,
    /// Where the tables are, if they were kept.
    pub schema: Option<String>,
}

/// Replays `otaru.acks` from its beginning into a schema of its own, as far as it was applied when this
/// began. With `verify`, compares every row and counter and drops the schema; without, keeps it.
///
/// # Errors
/// When the database or the broker is away, or the topic no longer has its beginning.
pub async fn rebuild(config: Config, verify: bool) -> anyhow::Result<RebuildReport> {
    Store::open(&config.database)?.migrate().await?;
    let rebuild = Rebuild::begin(&config.database, clock::now()).await.context("making the schema to rebuild in")?;
    let report = replay_and_compare(&Bus::new(config.bus), &rebuild, verify).await;
    if verify || report.is_err() {
        rebuild.drop_schema().await.with_context(|| format!("dropping the schema {}", rebuild.schema()))?;
    }
    report
}

async fn replay_and_compare(bus: &Bus, rebuild: &Rebuild, verify: bool) -> anyhow::Result<RebuildReport> {
    let messages = replay(bus, rebuild).await?;
    let mut report = RebuildReport {
        messages,
        assignments: 0,
        counters: 0,
        history: 0,
        differences: Vec::new(),
        schema: (!verify).then(|| rebuild.schema().to_owned()),
    };
    if verify {
        let compared = rebuild.compare().await?;
        report.assignments = compared.assignments;
        report.counters = compared.counters;
        report.history = compared.history;
        report.differences = compared.differences;
    }
    Ok(report)
}

/// A partition on its way to where it was applied.
struct Replayed {
    claim: Claim,
    target: i64,
    waiting: Vec<Record>,
    /// The offset after the last record that arrived.
    arrived: i64,
}

async fn replay(bus: &Bus, rebuild: &Rebuild) -> anyhow::Result<u64> {
    let targets: Vec<Target> = rebuild.targets().await?.into_iter().filter(|one| one.next_offset > 0).collect();
    check_topic(bus, &targets).await?;
    let put_aside: HashMap<(i32, i64), PutAside> =
        rebuild.put_aside().await?.into_iter().map(|one| ((one.partition, one.record_offset), one)).collect();
    let mut partitions = BTreeMap::new();
    for Target { partition, next_offset } in targets {
        let claim = offsets::claim(rebuild.store(), "acks", topic::ACKS, partition, clock::now()).await?;
        partitions.insert(partition, Replayed { claim, target: next_offset, waiting: Vec::new(), arrived: 0 });
    }
    let stop = CancellationToken::new();
    let _ends_with_this_call = stop.clone().drop_guard();
    let mut follower = bus.follow(Follow::Topics(vec![topic::ACKS.to_owned()]), stop)?;
    let mut messages = 0;
    while partitions.values().any(|one| one.arrived < one.target) {
        let next = tokio::time::timeout(SILENCE, follower.next()).await;
        let record = match next.context("the broker fell silent: check --kafka, and that it is up")? {
            Some(Followed::Record(record)) => record,
            Some(Followed::Lost { reason }) => {
                tracing::warn!(reason, "waiting for the broker");
                continue;
            }
            Some(_) => continue,
            None => bail!("reading {} ended early", topic::ACKS),
        };
        let Some(replayed) = partitions.get_mut(&record.partition).filter(|one| record.offset < one.target) else {
            continue;
        };
        messages += 1;
        replayed.arrived = record.offset + 1;
        replayed.waiting.push(record);
        if replayed.waiting.len() >= MAX_BATCH || replayed.arrived >= replayed.target {
            apply(rebuild.store(), replayed, &put_aside).await?;
        }
    }
    Ok(messages)
}

/// The topic must still have everything that was applied.
async fn check_topic(bus: &Bus, targets: &[Target]) -> anyhow::Result<()> {
    if targets.is_empty() {
        return Ok(());
    }
    let ends = bus.end_offsets(topic::ACKS).await?;
    for target in targets {
        let end = ends.iter().find(|end| end.0 == target.partition);
        let (_, low, high) = end.with_context(|| format!("{} has no partition {}", topic::ACKS, target.partition))?;
        ensure!(
            *low == 0 && *high >= target.next_offset,
            "{} partition {} holds offsets {low} to {high}, but 0 to {} were applied: without its beginning it gives \
             no rows again; its retention must be unlimited",
            topic::ACKS,
            target.partition,
            target.next_offset
        );
    }
    Ok(())
}

async fn apply(
    store: &Store,
    replayed: &mut Replayed,
    put_aside: &HashMap<(i32, i64), PutAside>,
) -> anyhow::Result<()> {
    let now = clock::now();
    let records = std::mem::take(&mut replayed.waiting);
    let Some(last) = records.last() else { return Ok(()) };
    let last_at = message::written_at(last, now);
    let to = Position { next_offset: replayed.arrived, high_offset: replayed.target, last_at };
    let partition = replayed.claim.partition;
    let mut acks: Vec<_> = records.into_iter().map(message::ack).collect();
    for one in &mut acks {
        if let Some(known) = put_aside.get(&(partition, one.offset)) {
            let given = [UNKNOWN_VEHICLE, UNKNOWN_ASSIGNMENT, SIGNATURE, UNAPPLIABLE];
            let reason = given.into_iter().find(|one| *one == known.reason);
            let reason = reason.with_context(|| format!("a dead letter with the reason {}", known.reason))?;
            one.message = Err(Rejected { reason, detail: known.detail.clone() });
        }
    }
    let mut tx = store.begin().await?;
    replay_acks(&mut tx, &replayed.claim, to, &acks, now)
        .await
        .with_context(|| format!("partition {partition} before offset {}", to.next_offset))?;
    tx.commit().await?;
    replayed.claim.next_offset = to.next_offset;
    Ok(())
}
