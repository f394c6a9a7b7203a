//! The topics on an MQTT broker, and what gateways say there: in one place for gateway, agent and `schemas/asyncapi.yaml`. The
//! broker's ACL (`ops/mqtt/mosquitto.acl`) is written in the same names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ModelId, Sha256, Vin};

/// The topics with the names of their parts.
pub const MANIFEST: &str = "otaru/v1/models/{model}/manifest";
pub const NOTICE: &str = "otaru/v1/vehicles/{vin}/notice";
pub const ACKS: &str = "otaru/v1/vehicles/{vin}/acks";
pub const REFUSED: &str = "otaru/v1/vehicles/{vin}/acks/refused";

/// The version of what is said on them.
pub const SCHEMA_VERSION: u32 = 1;

/// Where the newest version of a model is retained.
#[must_use]
pub fn manifest(model: &ModelId) -> String {
    MANIFEST.replace("{model}", model.as_str())
}

/// Where a vehicle is told to poll.
#[must_use]
pub fn notice(vin: &Vin) -> String {
    NOTICE.replace("{vin}", vin.as_str())
}

/// Where a vehicle reports.
#[must_use]
pub fn acks(vin: &Vin) -> String {
    ACKS.replace("{vin}", vin.as_str())
}

/// Where a vehicle is told which of its reports were not taken.
#[must_use]
pub fn refused(vin: &Vin) -> String {
    REFUSED.replace("{vin}", vin.as_str())
}

/// What stands for the `{part}` of `pattern` in `topic`.
fn part<'a>(topic: &'a str, pattern: &str) -> Option<&'a str> {
    let (before, rest) = pattern.split_once('{')?;
    let (_, after) = rest.split_once('}')?;
    topic.strip_prefix(before)?.strip_suffix(after)
}

/// The VIN in a topic of reports, as it stands there: it may be none.
#[must_use]
pub fn reporter(topic: &str) -> Option<&str> {
    part(topic, ACKS)
}

/// The model that a notice is of.
#[must_use]
pub fn model(topic: &str) -> Option<ModelId> {
    ModelId::parse(part(topic, MANIFEST)?).ok()
}

/// Retained for a model: the newest version of its repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManifestNotice {
    /// Version of this message's schema; 1.
    pub schema_version: u32,
    pub model: ModelId,
    /// Of the model's `timestamp.json`.
    pub version: u64,
    /// Of the same file.
    pub sha256: Sha256,
}

/// To a vehicle: poll now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VehicleNotice {
    /// Version of this message's schema; 1.
    pub schema_version: u32,
    pub reason: NoticeReason,
}

/// Why a vehicle is to poll. A vehicle polls for reasons that it does not know, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeReason {
    /// Its wave has opened, or it has joined an open one.
    Offer,
    /// It is to try again.
    Attempt,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_topics_of_reports_name_a_reporter() {
        let vin = Vin::parse("WVWZZZ1KZAW000001").unwrap();
        assert_eq!(reporter(&acks(&vin)), Some(vin.as_str()));
        assert_eq!(reporter(&refused(&vin)), None);
        assert_eq!(reporter("otaru/v1/models/harbour/manifest"), None);
        let harbour = ModelId::parse("harbour").unwrap();
        assert_eq!(model(&manifest(&harbour)), Some(harbour));
        assert_eq!(model("otaru/v1/models/NO MODEL/manifest"), None);
        assert_eq!(model("otaru/v1/models/manifest"), None);
    }

    proptest::proptest! {
        #[test]
        fn a_topic_names_whom_it_was_written_for_or_nobody(topic in "(otaru/v1/vehicles/)?[A-Z0-9/+#$.]{0,30}(/acks)?") {
            if let Some(vin) = reporter(&topic) {
                assert_eq!(ACKS.replace("{vin}", vin), topic);
            }
            if let Some(named) = model(&topic) {
                assert_eq!(manifest(&named), topic);
            }
        }
    }
}
