//! The registry's calls over HTTP, on a real Postgres and the embedded broker.

mod artifacts;
mod credentials;
mod http;
mod idempotency;
mod import;
mod models;
mod releases;
mod tokens;
mod vehicle_tokens;
mod vehicles;
mod world;
