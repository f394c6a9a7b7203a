//! Triage: labels failures by what vehicles wrote, so that one cause is seen as one thing. A consumer of `otaru.acks` with
//! a group and positions of its own: nothing waits for it, and without it campaigns go as they do with it.

use std::collections::HashMap;
use std::time::Duration;

use otaru_bus::{Bus, BusConfig, BusError, Consumed, Consumer, Record};
use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::{clock, topic};
use otaru_store::offsets::{self, Claim, Position};
use otaru_store::{Store, StoreError, triage};
use tokio_util::sync::CancellationToken;

use crate::message;

const GROUP: &str = "otaru.triage";
const RETRY: Duration = Duration::from_secs(1);

/// Labels failures until `stop`. A database or a broker that is away is waited for.
///
/// # Errors
/// When a setting of Kafka's client is not accepted.
pub async fn run_triage(database: &otaru_store::Config, bus: BusConfig, stop: CancellationToken) -> anyhow::Result<()> {
    let store = Store::open(database)?;
    let bus = Bus::new(bus);
    while !stop.is_cancelled() {
        let membership = stop.child_token();
        let ended = member(&store, &bus, &membership).await;
        membership.cancel();
        if let Err(error) = ended {
            tracing::warn!(reason = format!("{error:#}"), "triage stops for a moment, and goes on where it was");
            stop.run_until_cancelled(tokio::time::sleep(RETRY)).await;
        }
    }
    Ok(())
}

/// One membership of the group, until `stop` or the first failure: whoever comes next reads on from what committed.
async fn member(store: &Store, bus: &Bus, stop: &CancellationToken) -> anyhow::Result<()> {
    store.migrate().await?;
    bus.ensure_topics().await?;
    let mut consumer = bus.consume(GROUP, &[topic::ACKS], stop.clone())?;
    let mut claims: HashMap<i32, Claim> = HashMap::new();
    while let Some(consumed) = consumer.next().await {
        match consumed {
            Consumed::Assigned(assigned) => {
                for (_, partition) in assigned {
                    claims.insert(partition, begin(store, &consumer, partition).await?);
                }
            }
            Consumed::Revoked(revoked) => {
                for (_, partition) in revoked {
                    claims.remove(&partition);
                }
            }
            Consumed::Batch(records) => {
                let Some(first) = records.first() else { continue };
                if let Some(claim) = claims.get_mut(&first.partition) {
                    apply(store, claim, records).await?;
                }
            }
        }
    }
    Ok(())
}

/// Takes a partition over and reads on where it was left.
async fn begin(store: &Store, consumer: &Consumer, partition: i32) -> anyhow::Result<Claim> {
    let mut claim = offsets::claim(store, triage::CONSUMER, topic::ACKS, partition, clock::now()).await?;
    match consumer.seek(topic::ACKS, partition, claim.next_offset).await {
        // Given away again: it is revoked next.
        Ok(()) | Err(BusError::NotAssigned { .. }) => Ok(claim),
        Err(BusError::BeyondEnd { .. }) => {
            // Another topic than before: a label that is written twice is the same.
            let (low, _) = consumer.watermarks(topic::ACKS, partition).await?;
            offsets::reset(store, &mut claim, low, clock::now()).await?;
            consumer.seek(topic::ACKS, partition, low).await?;
            Ok(claim)
        }
        Err(error) => Err(error.into()),
    }
}

async fn apply(store: &Store, claim: &mut Claim, records: Vec<Record>) -> Result<(), StoreError> {
    let Some(last) = records.last().map(|record| record.offset) else { return Ok(()) };
    let now = clock::now();
    let to = Position { next_offset: last + 1, high_offset: last + 1, last_at: now };
    let failures: Vec<Ack> =
        records.into_iter().filter_map(|record| message::ack(record).message.ok()).filter(is_failure).collect();
    let mut tx = store.begin().await?;
    let labelled = triage::label(&mut tx, claim, to, &failures, now).await?;
    tx.commit().await?;
    claim.next_offset = to.next_offset;
    if labelled > 0 {
        tracing::debug!(labelled, "failures are labelled");
    }
    Ok(())
}

fn is_failure(ack: &Ack) -> bool {
    use AssignmentState as S;
    ack.origin == Origin::Vehicle && ack.log.is_some() && matches!(ack.state, S::Failed | S::RolledBack | S::Declined)
}
