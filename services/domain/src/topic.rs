//! The names of the topics, in one place for producers, consumers and `schemas/asyncapi.yaml`.

use crate::id::ModelId;

/// Acknowledgements of vehicles, gateways and the engine; key: VIN.
pub const ACKS: &str = "otaru.acks";
/// What vehicles say they run; key: VIN.
pub const INVENTORIES: &str = "otaru.inventories";
/// Messages that could not be parsed or applied, with origin and reason in their headers.
pub const DEAD_LETTERS: &str = "otaru.dead-letters";
/// What happened to campaigns and models, for whoever wants to follow; key: the subject.
pub const EVENTS: &str = "otaru.events";
/// Revoked vehicle credentials (compacted); key: the credential's id.
pub const REVOCATIONS: &str = "otaru.revocations";
/// What the names of all manifest topics begin with.
pub const MANIFESTS_PREFIX: &str = "otaru.manifests.";

/// The topic that is `model`'s TUF repository.
#[must_use]
pub fn manifests(model: &ModelId) -> String {
    format!("{MANIFESTS_PREFIX}{model}")
}

/// The model whose repository `topic` is, if it is one.
#[must_use]
pub fn manifests_model(topic: &str) -> Option<ModelId> {
    topic.strip_prefix(MANIFESTS_PREFIX).and_then(|model| ModelId::parse(model).ok())
}
