//! What a vehicle says it runs: the versions of its ECUs, and what else it wants known of itself.

mod signature;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::signature::{judge, judge_stored};
use crate::ack::{AckSignature, MAX_SEQUENCE, SCHEMA_VERSION};
use crate::id::{HardwareId, ModelId, Vin};
use crate::version::MAX_VERSION_BYTES;

/// The most ECUs and attributes a report may have.
pub const MAX_ENTRIES: usize = 256;
/// The longest attribute, in bytes, name and value each.
pub const MAX_ATTRIBUTE_BYTES: usize = 1024;

/// One ECU and the software on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct EcuReport {
    pub hardware_id: HardwareId,
    /// The version of the installed software; 1 to 64 bytes.
    #[schemars(length(min = 1, max = 64))]
    #[schema(min_length = 1, max_length = 64)]
    pub version: String,
    /// The ECU's serial number, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

fn schema_version() -> u32 {
    SCHEMA_VERSION
}

/// What a vehicle puts: all of its ECUs, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct InventoryReport {
    /// Version of this message's schema; 1.
    #[serde(default = "schema_version")]
    pub schema_version: u32,
    pub ecus: Vec<EcuReport>,
    /// What else the vehicle says of itself, merged into its attributes under these names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Above that of each inventory before; needed where it is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    #[schema(minimum = 1)]
    pub sequence: Option<u64>,
    /// When the vehicle looked, by its own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<DateTime<Utc>>,
    /// By the vehicle's own key; needed where its model asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<AckSignature>,
}

/// What the attributes of an inventory do to those that the vehicle has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributesMode {
    /// They are added, and replace those of the same name.
    #[default]
    Merge,
    /// They are all that the vehicle has from then on.
    Replace,
    /// Those of these names are removed.
    Remove,
}

impl AttributesMode {
    fn is_merge(&self) -> bool {
        *self == Self::Merge
    }
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

/// A message on `otaru.inventories`, key VIN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Inventory {
    /// Version of this message's schema; 1.
    pub schema_version: u32,
    pub id: Uuid,
    pub vin: Vin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    pub ecus: Vec<EcuReport>,
    /// Whether `ecus` is what the vehicle runs. Clients that know only attributes say nothing of ECUs: those known stay.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub tells_ecus: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "AttributesMode::is_merge")]
    pub attributes_mode: AttributesMode,
    /// The vehicle's, where it signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<DateTime<Utc>>,
    /// When the server took it. A vehicle's inventories are ordered by this.
    pub received_at: DateTime<Utc>,
    /// By the vehicle's own key, over what the vehicle said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<AckSignature>,
}

/// Why an inventory is malformed. The message begins with the JSON pointer of the field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InventoryError {
    #[error("/ecus has more than {MAX_ENTRIES} entries")]
    TooManyEcus,
    #[error("/ecus/{0} names a hardware id that an earlier entry has")]
    Twice(usize),
    #[error("/ecus/{0}/version must be 1 to {MAX_VERSION_BYTES} bytes without control characters")]
    Version(usize),
    #[error("/ecus/{0}/serial must be at most {MAX_ATTRIBUTE_BYTES} bytes without control characters")]
    Serial(usize),
    #[error("/attributes has more than {MAX_ENTRIES} entries")]
    TooManyAttributes,
    #[error("/sequence must be 1 to {MAX_SEQUENCE}, and must be there where the inventory is signed")]
    Sequence,
    #[error("/signature must be key and sig in lowercase hexadecimal digits")]
    Signature,
    #[error("/attributes/{0}: names and values must be at most {MAX_ATTRIBUTE_BYTES} bytes without control characters")]
    Attribute(String),
}

impl InventoryReport {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// [`InventoryError`] for the first field that is wrong.
    pub fn check(&self) -> Result<(), InventoryError> {
        let plain = |text: &str, max: usize| text.len() <= max && !text.chars().any(char::is_control);
        if self.ecus.len() > MAX_ENTRIES {
            return Err(InventoryError::TooManyEcus);
        }
        let mut seen = std::collections::BTreeSet::new();
        for (index, ecu) in self.ecus.iter().enumerate() {
            if !seen.insert(&ecu.hardware_id) {
                return Err(InventoryError::Twice(index));
            }
            if ecu.version.is_empty() || !plain(&ecu.version, MAX_VERSION_BYTES) {
                return Err(InventoryError::Version(index));
            }
            if ecu.serial.as_ref().is_some_and(|serial| !plain(serial, MAX_ATTRIBUTE_BYTES)) {
                return Err(InventoryError::Serial(index));
            }
        }
        let sequence_fits =
            self.sequence.map_or(self.signature.is_none(), |sequence| (1..=MAX_SEQUENCE).contains(&sequence));
        if !sequence_fits {
            return Err(InventoryError::Sequence);
        }
        if self.signature.as_ref().is_some_and(|signature| !signature.is_well_formed()) {
            return Err(InventoryError::Signature);
        }
        if self.attributes.len() > MAX_ENTRIES {
            return Err(InventoryError::TooManyAttributes);
        }
        match self
            .attributes
            .iter()
            .find(|(name, value)| !plain(name, MAX_ATTRIBUTE_BYTES) || !plain(value, MAX_ATTRIBUTE_BYTES))
        {
            Some((name, _)) => {
                Err(InventoryError::Attribute(name.chars().filter(|c| !c.is_control()).take(80).collect()))
            }
            None => Ok(()),
        }
    }

    /// ECUs and attributes, not signed.
    #[must_use]
    pub fn of(ecus: Vec<EcuReport>, attributes: BTreeMap<String, String>, reported_at: Option<DateTime<Utc>>) -> Self {
        Self { schema_version: SCHEMA_VERSION, ecus, attributes, sequence: None, reported_at, signature: None }
    }

    /// The message for the topic.
    #[must_use]
    pub fn into_inventory(self, vin: Vin, model: Option<ModelId>, received_at: DateTime<Utc>) -> Inventory {
        Inventory {
            schema_version: SCHEMA_VERSION,
            id: Uuid::new_v4(),
            vin,
            model,
            ecus: self.ecus,
            tells_ecus: true,
            attributes: self.attributes,
            attributes_mode: AttributesMode::Merge,
            sequence: self.sequence,
            reported_at: self.reported_at,
            received_at,
            signature: self.signature,
        }
    }
}
