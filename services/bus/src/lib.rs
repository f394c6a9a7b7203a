//! All Kafka: topics with explicit settings, an idempotent producer, a reader that materialises
//! compacted topics, and a group consumer whose positions the caller keeps.
//!
//! This is the only crate that knows rdkafka. What Kafka's client leaves to its user (partitions that are
//! revoked under way, offsets that go backwards, consumers whose drop blocks) is dealt with here once,
//! so that the roles read plain streams of records.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod bus;
mod client;
mod consumer;
mod error;
mod follower;
mod group;
mod message;
mod producer;
mod topics;

pub use bus::{Bus, BusConfig};
pub use consumer::{Consumed, Consumer};
pub use error::BusError;
pub use follower::{Follow, Followed, Follower};
pub use message::{MAX_MESSAGE_BYTES, Message, Record};
pub use producer::Producer;
