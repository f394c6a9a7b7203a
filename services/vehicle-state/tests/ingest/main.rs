//! The role as it runs: a broker, a Postgres, and messages on the topics.
#![expect(clippy::unwrap_used, reason = "a test ends where its fixture fails")]

#[path = "../../../http/tests/fuzz/edits.rs"]
mod edits;
mod messages;
mod outages;
mod proxy;
mod signatures;
mod storm;
mod triage;
mod world;
