//! An inventory signed by the key that signs the vehicle's reports: what it says decides who gets what, so no gateway may say it
//! in a vehicle's place. Its sequence is signed, too, or an old inventory could be shown again as the newest.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{AttributesMode, EcuReport, Inventory, InventoryReport};
use crate::ack::{AckKey, AckSignature, SignatureError, SignaturePolicy, signer, taken_at};
use crate::id::Vin;
use crate::tuf::{Key, SignError, canonical};

const STATEMENT: &str = "otaru-inventory";

/// What is signed: all that the vehicle said. Who took it and when is not the vehicle's.
#[derive(Serialize)]
struct Statement<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    vin: &'a Vin,
    schema_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    ecus: &'a [EcuReport],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reported_at: Option<DateTime<Utc>>,
}

impl Inventory {
    /// The bytes that the vehicle's signature covers; none of what no vehicle that signs can say.
    fn statement(&self) -> Option<Result<Vec<u8>, SignError>> {
        // Without `..`: whoever adds a field decides here whether it is the vehicle's to sign.
        let Self {
            schema_version,
            id: _,
            vin,
            model: _,
            ecus,
            tells_ecus: true,
            attributes,
            attributes_mode: AttributesMode::Merge,
            sequence,
            reported_at,
            received_at: _,
            signature: _,
        } = self
        else {
            return None;
        };
        Some(canonical(&Statement {
            kind: STATEMENT,
            vin,
            schema_version: *schema_version,
            sequence: *sequence,
            ecus,
            attributes,
            reported_at: *reported_at,
        }))
    }
}

impl InventoryReport {
    /// The inventory with the signature of `key`. `sequence` is above that of every one before.
    ///
    /// # Errors
    /// [`SignError`] when the key does not sign.
    pub fn signed(mut self, vin: &Vin, sequence: u64, key: &Key) -> Result<Self, SignError> {
        self.signature = None;
        self.sequence = Some(sequence);
        let inventory = self.clone().into_inventory(vin.clone(), None, DateTime::UNIX_EPOCH);
        if let Some(statement) = inventory.statement() {
            let sig = key.sign(&statement?)?;
            self.signature = Some(AckSignature { key: key.public().keyval.public.clone(), sig });
        }
        Ok(self)
    }
}

/// Whether `inventory` is to be taken from a vehicle with `keys`, oldest first; and the credential whose key signed it, if one
/// did. That its sequence is not one of before is for those to say who know what came before.
///
/// # Errors
/// [`SignatureError`].
pub fn judge(inventory: &Inventory, policy: SignaturePolicy, keys: &[AckKey]) -> Result<Option<Uuid>, SignatureError> {
    judge_stored(inventory, policy, keys, None)
}

/// As [`judge`], of an inventory that was stored at `stored_at` by the broker's own clock: see
/// [`ack::judge_stored`](crate::ack::judge_stored).
///
/// # Errors
/// As [`judge`].
pub fn judge_stored(
    inventory: &Inventory,
    policy: SignaturePolicy,
    keys: &[AckKey],
    stored_at: Option<DateTime<Utc>>,
) -> Result<Option<Uuid>, SignatureError> {
    match (policy, &inventory.signature) {
        (SignaturePolicy::Off, _) | (SignaturePolicy::Optional, None) => Ok(None),
        (SignaturePolicy::Required, None) => Err(SignatureError::Missing),
        (_, Some(signature)) => {
            let statement = inventory.statement().and_then(Result::ok);
            signer(signature, statement.as_deref(), taken_at(inventory.received_at, stored_at), keys).map(Some)
        }
    }
}
