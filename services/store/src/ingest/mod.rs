//! Acknowledgements to rows: the one place where the state of an assignment changes. A batch of one
//! partition is merged by the domain's rule in memory and written back with a handful of set-based
//! statements, in one transaction with the partition's offset, the counters and the dead letters, so
//! every acknowledgement counts exactly once.

mod assignments;
mod counters;
mod fold;
mod signatures;
mod writes;

use chrono::{DateTime, Utc};
use otaru_domain::ack::Ack;

use crate::dead_letters::{self, DeadLetter};
use crate::offsets::{self, Claim, Position};
use crate::{StoreError, Tx};
use signatures::Signatures;

pub use counters::FAILURES_CHANNEL;

/// A message as read from its partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived<T> {
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// When the broker stored it by its own clock, where it says that.
    pub stored_at: Option<DateTime<Utc>>,
    /// What it says, or why it cannot be taken.
    pub message: Result<T, Rejected>,
}

/// Why a message is put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// A code, see [`DeadLetter::reason`].
    pub reason: &'static str,
    /// The same in words.
    pub detail: String,
}

/// The reason of a message that no reader understands.
pub const UNPARSABLE: &str = "unparsable";
/// The reason of a message whose VIN no vehicle has.
pub const UNKNOWN_VEHICLE: &str = "unknown_vehicle";
/// The reason of an acknowledgement of a campaign that the vehicle is not in.
pub const UNKNOWN_ASSIGNMENT: &str = "unknown_assignment";
/// The reason of an acknowledgement that its vehicle did not sign, or not with a key that counts.
pub const SIGNATURE: &str = "signature";
/// The reason of a message that Postgres refuses, though it reads well.
pub const UNAPPLIABLE: &str = "unappliable";

impl<T> Arrived<T> {
    pub(crate) fn dead_letter(&self, claim: &Claim, reason: &str, detail: String, at: DateTime<Utc>) -> DeadLetter {
        DeadLetter {
            topic: claim.topic.clone(),
            partition: claim.partition,
            offset: self.offset,
            key: self.key.clone(),
            value: self.value.clone(),
            reason: reason.to_owned(),
            detail,
            at,
        }
    }
}

/// What a batch came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Messages that changed something.
    pub applied: usize,
    /// Messages that were repeated or too late.
    pub unchanged: usize,
    /// Messages that were put aside. They are in the table; the caller sends them to
    /// `otaru.dead-letters` before it commits.
    pub dead: Vec<DeadLetter>,
}

/// Applies a batch of one partition of `otaru.acks`, in its order, and moves the partition's offset.
///
/// # Errors
/// [`StoreError::Fenced`] when another owner took over; when [`StoreError::is_transient`], the same batch
/// may be tried again; when [`blames_a_record`], without the record that is to blame.
pub async fn apply_acks(
    tx: &mut Tx,
    claim: &Claim,
    to: Position,
    arrived: &[Arrived<Ack>],
    now: DateTime<Utc>,
) -> Result<Applied, StoreError> {
    apply(tx, claim, to, arrived, Signatures::Decide, now).await
}

/// As [`apply_acks`], of messages that were applied before: what was put aside for its signature then is known, so the
/// signatures of the others are only noted.
///
/// # Errors
/// As [`apply_acks`].
pub async fn replay_acks(
    tx: &mut Tx,
    claim: &Claim,
    to: Position,
    arrived: &[Arrived<Ack>],
    now: DateTime<Utc>,
) -> Result<Applied, StoreError> {
    apply(tx, claim, to, arrived, Signatures::Note, now).await
}

async fn apply(
    tx: &mut Tx,
    claim: &Claim,
    to: Position,
    arrived: &[Arrived<Ack>],
    signatures: Signatures,
    now: DateTime<Utc>,
) -> Result<Applied, StoreError> {
    offsets::advance(tx, claim, to, now).await?;
    let vins = arrived.iter().filter_map(|one| one.message.as_ref().ok()).map(|ack| ack.vin.as_str()).collect();
    let vehicles = assignments::vehicles(tx, vins).await?;
    let verdicts = signatures::verdicts(tx, arrived, &vehicles, signatures).await?;
    let keys = arrived
        .iter()
        .filter_map(|one| one.message.as_ref().ok())
        .filter_map(|ack| Some((vehicles.get(ack.vin.as_str())?.id, ack.campaign)))
        .collect();
    let standings = assignments::lock(tx, keys).await?;
    let folded = fold::fold(claim, arrived, verdicts, &vehicles, standings, now);
    assignments::update(tx, &folded.changed).await?;
    writes::history(tx, &folded.taken).await?;
    writes::failures(tx, &folded.taken).await?;
    counters::states(tx, claim.partition, &folded.changed).await?;
    counters::healths(tx, claim.partition, &folded.changed).await?;
    counters::attempts(tx, claim.partition, &folded.left).await?;
    counters::tell_of_failures(tx, &folded.changed).await?;
    writes::reports(tx, &folded.taken).await?;
    dead_letters::record(tx, &folded.applied.dead).await?;
    Ok(folded.applied)
}

/// Whether one message of the batch is the cause, so that the others can be applied without it: its
/// values or the row they met do not fit. Anything else (a missing table, a read-only server, a full
/// disk) would fail with every message, and none of them is to be put aside for it.
#[must_use]
pub fn blames_a_record(error: &StoreError) -> bool {
    match error {
        StoreError::Inconsistent { .. } => true,
        // 21 cardinality, 22 data exception, 23 constraint, 54 a limit of the server.
        StoreError::Database(sqlx::Error::Database(database)) => {
            database.code().is_some_and(|code| ["21", "22", "23", "54"].iter().any(|class| code.starts_with(class)))
        }
        _ => false,
    }
}
