//! The gateway over HTTP, with a real Postgres (`DATABASE_URL`) and the embedded broker.

mod acks;
mod auth;
mod bandwidth;
mod ddi;
#[path = "../../../http/tests/fuzz/mod.rs"]
mod fuzz;
mod lag;
mod model;
mod mqtt;
mod outage;
mod poll;
mod presence;
mod rates;
mod redirects;
mod signatures;
mod storm;
mod stream;
mod tls;
mod tuf;
mod uptane;
mod world;
