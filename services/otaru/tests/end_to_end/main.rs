//! What Otaru promises as a whole, tried on real processes, a real broker, a real Postgres and real clients.

mod cluster;
mod database;
mod kills;
mod python_tuf;
mod swupdate;
mod swupdate_device;
mod tamper;
