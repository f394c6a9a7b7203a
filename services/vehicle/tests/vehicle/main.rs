//! The vehicle against a gateway made for the test: the protocol's other side, with a real TUF repository,
//! which can be told to lie, to fail and to fall silent at any point.

#![expect(clippy::unwrap_used, reason = "tests")]

mod agent;
mod attacks;
mod car;
mod deltas;
#[path = "../../../http/tests/fuzz/edits.rs"]
mod edits;
mod encryption;
mod fleet;
mod kills;
mod mqtt;
mod ordered;
mod peer;
mod redirects;
mod repository;
mod rollback;
mod storm;
mod trust;
