//! The store on a real Postgres. One binary: each would compile what it uses of the crate again.

mod audit;
mod idempotency;
mod ingest;
mod offers;
mod rollout;
mod schema;
mod targeting;
mod token_keys;
mod wave_notices;
