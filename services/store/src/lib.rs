//! Everything durable that is not a message: all SQL (Postgres), and the artifacts' object store.
//!
//! Each module holds the statements of one part of the schema beside the functions that run them.
//! Functions take a [`Tx`] when they belong into somebody's transaction, and `&Store` when they are one
//! of their own. An impossible row is a [`StoreError::Inconsistent`], never a default.

mod connection;
mod error;
pub mod events;
pub mod leadership;
pub mod listen;
pub mod outbox;

pub use connection::{Config, Store, Tx};
pub use error::{StoreError, constraint_of};

/// The statements that make the schema; run at start, under an advisory lock.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");
