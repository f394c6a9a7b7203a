//! What the ingest promises, on a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test ends where its fixture fails")]

mod acks;
mod convergence;
mod ddi;
mod history;
mod lag;
mod support;
mod twin;
