//! What Otaru promises as a whole, tried on real processes, a real broker, a real Postgres and real clients.
//!
//! All of it is in one module, so that `--skip end_to_end::` runs the other tests alone: `ops/test` has these beside them.

#[path = "."]
mod end_to_end {
    mod agent;
    pub mod backing;
    pub mod cluster;
    pub mod database;
    pub mod ddi_stage;
    mod deltas;
    mod encryption;
    mod full_disk;
    mod hawkbit;
    mod hsm;
    pub mod journey;
    mod kills;
    mod object_store;
    mod outages;
    pub mod rotation;
    mod swupdate;
    pub mod swupdate_device;
    pub mod tamper;
    mod tuf_clients;
    mod tuf_suite;
    mod up;
    mod uptane;
}

use end_to_end::{backing, cluster, database, ddi_stage, journey, rotation, swupdate_device, tamper};
