//! The registry's calls over HTTP, on a real Postgres and the embedded broker.

mod artifacts;
mod audit;
mod credentials;
mod erasure;
#[path = "../../../http/tests/fuzz/mod.rs"]
mod fuzz;
mod groups;
mod http;
mod idempotency;
mod import;
mod models;
mod oidc;
mod oidc_provider;
mod releases;
mod rotation;
mod scopes;
mod session;
mod storm;
mod tokens;
mod uptane;
mod vehicle_tokens;
mod vehicles;
mod world;
