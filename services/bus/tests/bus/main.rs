//! The bus against a real broker: the embedded one, or, with `OTARU_TEST_KAFKA=host:port,…`, a Kafka cluster.

mod consumer;
mod follower;
mod restart;
mod rig;
mod round_trip;
