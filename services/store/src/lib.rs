//! Everything durable that is not a message: all SQL (Postgres), and the artifacts' object store.
//!
//! Each module holds the statements of one part of the schema beside the functions that run them.
//! Functions take a [`Tx`] when they belong into somebody's transaction, and `&Store` when they are one
//! of their own. An impossible row is a [`StoreError::Inconsistent`], never a default.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod access;
pub mod ack_keys;
pub mod artifacts;
pub mod audit;
pub mod bandwidth;
pub mod behaviour;
pub mod campaigns;
pub mod ciphertexts;
mod connection;
pub mod credentials;
pub mod ddi;
pub mod dead_letters;
pub mod deltas;
pub mod dossier;
mod ecus;
pub mod emergency;
mod error;
pub mod events;
pub mod evidence;
pub mod failures;
pub mod fleet;
pub mod forecasts;
pub mod groups;
pub mod idempotency;
pub mod ingest;
pub mod leadership;
pub mod listen;
pub mod manifests;
pub mod models;
pub mod objects;
pub mod offers;
pub mod offsets;
pub mod oidc_sessions;
pub mod outbox;
pub mod pace;
pub mod presence;
pub mod progress;
pub mod rebuild;
pub mod releases;
pub mod retries;
pub mod reviews;
pub mod rxswin;
pub mod slots;
pub mod steps;
pub mod target_sql;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timeouts;
pub mod token_keys;
pub mod triage;
pub mod twin;
pub mod undo;
pub mod uptane;
pub mod vehicle_tokens;
pub mod vehicles;
pub mod wave_notices;
pub mod waves;
pub mod why;

pub use connection::{Config, Store, Tx};
pub use error::{StoreError, constraint_of};

/// The statements that make the schema; run at start, under an advisory lock.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");
