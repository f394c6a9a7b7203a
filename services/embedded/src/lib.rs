//! What makes one command enough: a Kafka-compatible broker inside the process and a private Postgres beside it.
//!
//! Both keep their data in a folder, survive a SIGKILL of the process that runs them, and are looked after:
//! what falls silent or dies is started again. Neither is for more than one machine.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod broker;
mod claim;
mod postgres;

pub use broker::Broker;
pub use postgres::Postgres;
