//! A batch of one partition, whatever its topic holds, so that the way of a batch (fence, bisection, dead
//! letters, commit) is written once.

use std::ops::Range;

use chrono::{DateTime, Utc};
use otaru_bus::Record;
use otaru_domain::ack::Ack;
use otaru_domain::inventory::Inventory;
use otaru_domain::topic;
use otaru_store::dead_letters::{self, DeadLetter};
use otaru_store::ingest::{self, Applied, Arrived, Rejected, UNAPPLIABLE};
use otaru_store::offsets::{self, Claim, Position};
use otaru_store::{StoreError, Tx, twin};

use crate::{letters, message};

/// What a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Acks,
    Inventories,
    DeadLetters,
}

impl Kind {
    /// The topics that this role reads.
    pub const TOPICS: [&'static str; 3] = [topic::ACKS, topic::INVENTORIES, topic::DEAD_LETTERS];

    pub fn of(name: &str) -> Option<Self> {
        match name {
            topic::ACKS => Some(Self::Acks),
            topic::INVENTORIES => Some(Self::Inventories),
            topic::DEAD_LETTERS => Some(Self::DeadLetters),
            _ => None,
        }
    }

    /// The name under which positions are kept.
    pub fn consumer(self) -> &'static str {
        match self {
            Self::Acks => "acks",
            Self::Inventories => "inventories",
            Self::DeadLetters => "dead_letters",
        }
    }
}

enum Messages {
    Acks(Vec<Arrived<Ack>>),
    Inventories(Vec<Arrived<Inventory>>),
    DeadLetters(Vec<DeadLetter>),
}

/// Records of one partition, offsets rising.
pub struct Batch {
    places: Vec<(i64, DateTime<Utc>)>,
    messages: Messages,
}

impl Batch {
    pub fn parse(kind: Kind, records: Vec<Record>, now: DateTime<Utc>) -> Self {
        let places = records.iter().map(|record| (record.offset, message::written_at(record, now))).collect();
        let messages = match kind {
            Kind::Acks => Messages::Acks(records.into_iter().map(message::ack).collect()),
            Kind::Inventories => Messages::Inventories(records.into_iter().map(message::inventory).collect()),
            Kind::DeadLetters => {
                Messages::DeadLetters(records.into_iter().map(|record| letters::letter(record, now)).collect())
            }
        };
        Self { places, messages }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn offset(&self, index: usize) -> i64 {
        self.places[index].0
    }

    /// Where the partition stands when `range`, which is not empty, is applied.
    pub fn position(&self, range: &Range<usize>, high_offset: i64) -> Position {
        let (offset, last_at) = self.places[range.end - 1];
        Position { next_offset: offset + 1, high_offset: high_offset.max(offset + 1), last_at }
    }

    pub async fn apply(
        &self,
        tx: &mut Tx,
        claim: &Claim,
        to: Position,
        range: Range<usize>,
        now: DateTime<Utc>,
    ) -> Result<Applied, StoreError> {
        match &self.messages {
            Messages::Acks(acks) => ingest::apply_acks(tx, claim, to, &acks[range], now).await,
            Messages::Inventories(inventories) => {
                twin::apply_inventories(tx, claim, to, &inventories[range], now).await
            }
            Messages::DeadLetters(letters) => {
                offsets::advance(tx, claim, to, now).await?;
                let applied = range.len();
                dead_letters::record(tx, &letters[range]).await?;
                Ok(Applied { applied, ..Applied::default() })
            }
        }
    }

    /// Puts a message aside that Postgres refuses. Gives whether that is possible and was not done before.
    pub fn put_aside(&mut self, index: usize, detail: String) -> bool {
        fn reject<T>(one: &mut Arrived<T>, detail: String) -> bool {
            let first = one.message.is_ok();
            if first {
                one.message = Err(Rejected { reason: UNAPPLIABLE, detail });
            }
            first
        }
        match &mut self.messages {
            Messages::Acks(acks) => reject(&mut acks[index], detail),
            Messages::Inventories(inventories) => reject(&mut inventories[index], detail),
            Messages::DeadLetters(_) => false,
        }
    }
}
