//! The gateway over HTTP, with a real Postgres (`DATABASE_URL`) and the embedded broker.

mod acks;
mod auth;
mod ddi;
mod lag;
mod model;
mod mqtt;
mod outage;
mod poll;
mod rates;
mod stream;
mod tuf;
mod world;
