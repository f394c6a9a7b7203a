//! Dead letters on their topic. The message is the one that was put aside, byte for byte; where it came
//! from and why it was put aside is in the headers, so that it can be sent again as it is.

use chrono::{DateTime, Utc};
use otaru_bus::{Message, Record};
use otaru_domain::topic;
use otaru_store::dead_letters::DeadLetter;

use crate::message::written_at;

const ORIGIN_TOPIC: &str = "origin-topic";
const ORIGIN_PARTITION: &str = "origin-partition";
const ORIGIN_OFFSET: &str = "origin-offset";
const SCHEMA: &str = "schema";
const REASON: &str = "reason";
const DETAIL: &str = "detail";

/// A dead letter as a message for `otaru.dead-letters`.
pub fn message(letter: DeadLetter) -> Message {
    let schema = match letter.topic.as_str() {
        topic::ACKS => "ack",
        topic::INVENTORIES => "inventory",
        _ => "unknown",
    };
    let header = |name: &str, value: String| (name.to_owned(), value.into_bytes());
    Message {
        key: letter.key,
        value: letter.value,
        headers: vec![
            header(ORIGIN_TOPIC, letter.topic),
            header(ORIGIN_PARTITION, letter.partition.to_string()),
            header(ORIGIN_OFFSET, letter.offset.to_string()),
            header(SCHEMA, schema.to_owned()),
            header(REASON, letter.reason),
            header(DETAIL, letter.detail),
        ],
    }
}

/// A record of `otaru.dead-letters`. One that has no place of its own on its topic, because its writer never
/// got it there, is named by its place here; one without headers is kept all the same.
pub fn letter(record: Record, now: DateTime<Utc>) -> DeadLetter {
    let text = |name: &str| record.header(name).map(|value| String::from_utf8_lossy(value).into_owned());
    let number = |name: &str| text(name).and_then(|text| text.parse::<i64>().ok());
    let origin = match (number(ORIGIN_PARTITION).map(i32::try_from), number(ORIGIN_OFFSET)) {
        (Some(Ok(partition)), Some(offset)) if partition >= 0 && offset >= 0 => Some((partition, offset)),
        _ => None,
    };
    let (partition, offset) = origin.unwrap_or((-1 - record.partition, record.offset));
    DeadLetter {
        topic: text(ORIGIN_TOPIC).unwrap_or_else(|| record.topic.clone()),
        partition,
        offset,
        reason: text(REASON).unwrap_or_else(|| "unknown".to_owned()),
        detail: text(DETAIL).unwrap_or_else(|| "the dead letter says no more".to_owned()),
        at: written_at(&record, now),
        key: record.key,
        value: record.value,
    }
}
