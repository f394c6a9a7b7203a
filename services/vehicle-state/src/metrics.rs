//! What the role tells Prometheus.

use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::{counter, gauge, histogram};
use otaru_store::ingest::Applied;
use otaru_store::offsets::{Claim, Position};

/// A committed batch of `size` messages, `dead` of which were put aside.
pub fn applied(claim: &Claim, applied: &Applied, dead: usize, size: usize, took: Duration) {
    for (outcome, messages) in [("applied", applied.applied), ("unchanged", applied.unchanged), ("dead", dead)] {
        counter!("otaru_ingest_messages_total", "topic" => claim.topic.clone(), "outcome" => outcome)
            .increment(u64::try_from(messages).unwrap_or(u64::MAX));
    }
    histogram!("otaru_ingest_batch_seconds", "topic" => claim.topic.clone()).record(took);
    histogram!("otaru_ingest_batch_messages", "topic" => claim.topic.clone())
        .record(u32::try_from(size).map_or(f64::MAX, f64::from));
}

/// How far a partition is behind after a batch.
pub fn lag(claim: &Claim, to: Position, now: DateTime<Utc>) {
    behind(claim, to.high_offset);
    let waits = if to.high_offset > to.next_offset { (now - to.last_at).as_seconds_f64().max(0.0) } else { 0.0 };
    gauge!("otaru_ingest_lag_seconds", "topic" => claim.topic.clone(), "partition" => claim.partition.to_string())
        .set(waits);
}

/// How many messages of a partition wait.
pub fn behind(claim: &Claim, high_offset: i64) {
    let waiting = i32::try_from((high_offset - claim.next_offset).max(0)).unwrap_or(i32::MAX);
    gauge!("otaru_ingest_lag_messages", "topic" => claim.topic.clone(), "partition" => claim.partition.to_string())
        .set(waiting);
    if waiting == 0 {
        gauge!("otaru_ingest_lag_seconds", "topic" => claim.topic.clone(), "partition" => claim.partition.to_string())
            .set(0.0);
    }
}

/// A partition that another process reads now is no lag of this one.
pub fn forget(claim: &Claim) {
    behind(claim, claim.next_offset);
}
