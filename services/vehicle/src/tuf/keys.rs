//! Thresholds of signatures. Every role, delegated or not, is verified by the one function of `tough` for root's roles.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use tough::schema::decoded::{Decoded, Hex};
use tough::schema::key::Key;
use tough::schema::{Role, RoleKeys, RoleType, Root, Signature, Signed};

use super::TufError;
use super::envelope::Envelope;

/// Who signs for a role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Signers {
    pub(super) keyids: Vec<String>,
    pub(super) threshold: NonZeroU64,
}

/// The keys of a delegator, by the ids it gives them. What `tough` does not know stays a value that verifies nothing.
pub(super) type Keys = BTreeMap<String, Value>;

impl Signers {
    /// A key is listed once.
    pub(super) fn is_valid(&self) -> bool {
        self.keyids.iter().collect::<BTreeSet<_>>().len() == self.keyids.len()
    }

    /// Whether the same keys sign with the same threshold.
    pub(super) fn same(&self, keys: &Keys, other: &Self, other_keys: &Keys) -> bool {
        let mine: BTreeSet<_> = self.keyids.iter().map(|id| keys.get(id).map(Value::to_string)).collect();
        let others: BTreeSet<_> = other.keyids.iter().map(|id| other_keys.get(id).map(Value::to_string)).collect();
        mine == others && self.threshold == other.threshold
    }

    /// Verifies that a threshold of these keys signed.
    pub(super) fn verify(&self, keys: &Keys, file: &str, envelope: &Envelope) -> Result<(), TufError> {
        let mut known = BTreeMap::new();
        for id in &self.keyids {
            if let Some(key) = keys.get(id).and_then(|key| serde_json::from_value::<Key>(key.clone()).ok()) {
                known.insert(id.as_str(), (identity(&key), key));
            }
        }
        let signatures = envelope
            .signatures
            .iter()
            .filter_map(|signature| {
                let (identity, _) = known.get(signature.keyid.as_str())?;
                Some(Signature { keyid: identity.clone(), sig: hex::decode(&signature.sig).ok()?.into() })
            })
            .collect();
        let role = RoleKeys {
            keyids: known.values().map(|(id, _)| id.clone()).collect(),
            threshold: self.threshold,
            _extra: [].into(),
        };
        let root = Root {
            spec_version: String::new(),
            consistent_snapshot: true,
            version: NonZeroU64::MIN,
            expires: jiff::Timestamp::UNIX_EPOCH,
            keys: known.into_values().collect(),
            roles: [(RoleType::Targets, role)].into(),
            _extra: [].into(),
        };
        root.verify_role(&Signed { signed: Content(envelope.signed.clone()), signatures })
            .map_err(|_| TufError::Signature { file: file.to_owned(), threshold: self.threshold.get() })
    }
}

/// A key counts once, whatever ids it is given.
fn identity(key: &Key) -> Decoded<Hex> {
    match key {
        Key::Rsa { keyval, .. } => keyval.public.to_vec().into(),
        Key::Ed25519 { keyval, .. } => keyval.public.to_vec().into(),
        Key::Ecdsa { keyval, .. } | Key::EcdsaOld { keyval, .. } => keyval.public.to_vec().into(),
    }
}

/// What was signed, with all it has: `tough`'s own types lose the fields they do not know, and so the signature.
struct Content(Value);

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Only `TYPE` is asked for when signatures are verified.
impl Role for Content {
    const TYPE: RoleType = RoleType::Targets;

    fn expires(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn version(&self) -> NonZeroU64 {
        NonZeroU64::MIN
    }

    fn filename(&self, _consistent_snapshot: bool) -> String {
        String::new()
    }
}
