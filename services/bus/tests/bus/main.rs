//! The bus against a real broker: the embedded one, or, with `OTARU_TEST_KAFKA=host:port,…`, a Kafka cluster.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod consumer;
mod follower;
mod restart;
mod rig;
mod round_trip;
