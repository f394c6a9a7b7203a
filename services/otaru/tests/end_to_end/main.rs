//! What Otaru promises as a whole, tried on real processes, a real broker, a real Postgres and real clients.

mod agent;
mod backing;
mod cluster;
mod database;
mod full_disk;
mod hsm;
mod journey;
mod kills;
mod outages;
mod rotation;
mod swupdate;
mod swupdate_device;
mod tamper;
mod tuf_clients;
mod tuf_suite;
