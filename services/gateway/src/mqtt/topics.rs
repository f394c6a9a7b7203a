//! What a gateway subscribes to: the topics of [`otaru_domain::mqtt`], of all models and vehicles.

/// Reports of all vehicles, each given to one of the gateways.
pub(super) const SHARED_ACKS: &str = "$share/otaru/otaru/v1/vehicles/+/acks";
/// How topics end on which refusals are told.
pub(super) const REFUSED: &str = "/acks/refused";
/// What gateways say of models.
pub(super) const ALL_MANIFESTS: &str = "otaru/v1/models/+/manifest";

#[cfg(test)]
mod tests {
    use otaru_domain::mqtt;

    use super::*;

    #[test]
    fn what_is_subscribed_to_is_what_is_said() {
        let of_all = |pattern: &str, part| pattern.replace(part, "+");
        assert_eq!(SHARED_ACKS, format!("$share/otaru/{}", of_all(mqtt::ACKS, "{vin}")));
        assert_eq!(ALL_MANIFESTS, of_all(mqtt::MANIFEST, "{model}"));
        assert!(mqtt::REFUSED.ends_with(REFUSED) && !mqtt::ACKS.ends_with(REFUSED));
    }
}
