//! The campaign service: the REST API for engineers, the rollout engine, the signing of manifests, and the
//! dashboard's files.
//!
//! A request is answered by a handler in [`api`], which checks it, changes state through `otaru_store` in one
//! transaction with the messages that tell others, and never waits for vehicles. The [`engine`] does the rest.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod access;
pub mod api;
pub mod app;
mod artifact_places;
pub mod auth;
mod check;
pub mod config;
mod credentials;
pub mod engine;
pub mod error;
mod expiry;
pub mod extract;
pub mod idempotency;
mod key_reference;
pub mod keys;
mod live;
pub mod manifests;
pub mod oidc;
mod openapi;
pub mod page;
mod pkcs11;
mod rehearsal;
mod router;
pub mod scope;
mod session;
mod start;
mod web;

pub use config::{Config, DEFAULT_MAX_ARTIFACT_BYTES, DeltaConfig};
pub use oidc::OidcConfig;
pub use openapi::openapi;
pub use pkcs11::Pkcs11Config;
pub use start::{run, run_on};
