//! The rollout engine and the calls around it: the service as it runs, on a real Postgres and the embedded broker.
//! What vehicles report is applied by the ingest's own function.

mod approvers;
mod breaks;
mod calls;
mod deltas;
mod dossiers;
mod encryption;
mod ends;
mod exclusions;
mod fleet;
mod insight;
mod joins;
mod ordered;
mod policies;
mod refusals;
mod rehearsals;
mod reviews;
mod signing;
mod steps;
mod streams;
mod undo;
mod waivers;
mod waves;
#[path = "../registry/world.rs"]
#[expect(dead_code, reason = "the registry's tests use more of it")]
mod world;
