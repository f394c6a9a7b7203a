//! The role as it runs: a broker, a Postgres, and messages on the topics.
#![expect(clippy::unwrap_used, reason = "a test ends where its fixture fails")]

mod messages;
mod outages;
mod proxy;
mod triage;
mod world;
