//! The names of topics. The broker's ACL (`ops/mqtt/mosquitto.acl`) is written in the same ones.

use otaru_domain::id::{ModelId, Vin};

/// Reports of all vehicles, each given to one of the gateways.
pub(super) const SHARED_ACKS: &str = "$share/otaru/otaru/v1/vehicles/+/acks";
/// How topics end on which refusals are told.
pub(super) const REFUSED: &str = "/acks/refused";
/// What gateways say of models.
pub(super) const ALL_MANIFESTS: &str = "otaru/v1/models/+/manifest";

/// The VIN in a topic of reports, as it stands there: it may be none.
pub(super) fn reporter(topic: &str) -> Option<&str> {
    topic.strip_prefix("otaru/v1/vehicles/")?.strip_suffix("/acks")
}

/// The model that a notice is of.
pub(super) fn model(topic: &str) -> Option<ModelId> {
    ModelId::parse(topic.strip_prefix("otaru/v1/models/")?.strip_suffix("/manifest")?).ok()
}

pub(super) fn manifest(model: &ModelId) -> String {
    format!("otaru/v1/models/{model}/manifest")
}

pub(super) fn notice(vin: &Vin) -> String {
    format!("otaru/v1/vehicles/{vin}/notice")
}

pub(super) fn refused(vin: &Vin) -> String {
    format!("otaru/v1/vehicles/{vin}{REFUSED}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_topics_of_reports_name_a_reporter() {
        assert_eq!(reporter("otaru/v1/vehicles/WVWZZZ1KZAW000001/acks"), Some("WVWZZZ1KZAW000001"));
        assert_eq!(reporter("otaru/v1/vehicles/WVWZZZ1KZAW000001/acks/refused"), None);
        assert_eq!(reporter("otaru/v1/models/harbour/manifest"), None);
        let harbour = ModelId::parse("harbour").unwrap();
        assert_eq!(model(&manifest(&harbour)), Some(harbour));
        assert_eq!(model("otaru/v1/models/NO MODEL/manifest"), None);
    }
}
