//! What the domain promises, one file per subject.

mod ack_signatures;
mod acks;
mod ages;
mod assignments;
mod audit;
mod campaigns;
mod consents;
mod deltas;
mod documents;
mod expressions;
mod ids;
mod inventory_signatures;
mod paces;
mod planner;
mod preconditions;
mod rehearsals;
mod requirements;
mod reviews;
mod rollouts;
mod steps;
mod targeting;
mod tokens;
mod triage;
mod tuf_cosign;
mod tuf_fixture;
mod tuf_publication;
mod tuf_roots;
mod tuf_rotation;
mod tuf_signatures;
mod uptane;
mod uptane_manifests;
mod versions;
mod why;
mod windows;

use chrono::{DateTime, Utc};

use crate::id::{ModelId, Vin};

/// A time, as RFC 3339.
fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// When the tests take place.
fn now() -> DateTime<Utc> {
    at("2026-03-01T12:00:00Z")
}

fn vin(text: &str) -> Vin {
    Vin::parse(text).unwrap()
}

fn model(text: &str) -> ModelId {
    ModelId::parse(text).unwrap()
}
