//! A metadata file before it is trusted: what all roles have in common, checked before any of it is believed.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::TufError;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Signature {
    pub(super) keyid: String,
    pub(super) sig: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Envelope {
    pub(super) signed: Value,
    pub(super) signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Common {
    _type: String,
    spec_version: String,
    version: NonZeroU64,
    expires: String,
}

/// A file of a role, not yet or already verified.
#[derive(Debug, Clone)]
pub(crate) struct File<T> {
    /// What it is called in messages.
    pub(super) name: String,
    pub(super) version: u64,
    pub(super) expires: DateTime<Utc>,
    pub(super) body: T,
    pub(super) envelope: Envelope,
}

impl<T: DeserializeOwned> File<T> {
    /// Reads a file of the type `kind` and checks its form.
    pub(super) fn parse(name: &str, kind: &str, bytes: &[u8]) -> Result<Self, TufError> {
        let malformed = |reason: String| TufError::Malformed { file: name.to_owned(), reason };
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        let common: Common =
            serde_json::from_value(envelope.signed.clone()).map_err(|error| malformed(error.to_string()))?;
        if common._type != kind {
            return Err(malformed(format!("its type is not {kind}")));
        }
        let spec: Vec<Option<u32>> = common.spec_version.split('.').map(|part| part.parse().ok()).collect();
        if !matches!(spec.as_slice(), [Some(1), Some(_)] | [Some(1), Some(_), Some(_)]) {
            return Err(malformed("its spec_version is not 1.x".to_owned()));
        }
        let expires = NaiveDateTime::parse_from_str(&common.expires, "%Y-%m-%dT%H:%M:%SZ")
            .map_err(|error| malformed(format!("expires: {error}")))?
            .and_utc();
        let mut signers = BTreeSet::new();
        if !envelope.signatures.iter().all(|signature| signers.insert(signature.keyid.as_str())) {
            return Err(malformed("a key signed it twice".to_owned()));
        }
        let body = serde_json::from_value(envelope.signed.clone()).map_err(|error| malformed(error.to_string()))?;
        Ok(Self { name: name.to_owned(), version: common.version.get(), expires, body, envelope })
    }
}

impl<T> File<T> {
    pub(super) fn malformed(&self, reason: impl Into<String>) -> TufError {
        TufError::Malformed { file: self.name.clone(), reason: reason.into() }
    }

    /// Freeze attacks: 5.3.10, 5.4.4, 5.5.6 and 5.6.5.
    pub(super) fn fresh(&self, now: DateTime<Utc>) -> Result<(), TufError> {
        if now < self.expires {
            Ok(())
        } else {
            Err(TufError::Expired { file: self.name.clone(), expires: self.expires.to_rfc3339() })
        }
    }

    pub(super) fn has_version(&self, expected: u64) -> Result<(), TufError> {
        if self.version == expected { Ok(()) } else { Err(self.wrong_version(expected.to_string())) }
    }

    pub(super) fn not_before(&self, trusted: u64) -> Result<(), TufError> {
        if self.version >= trusted { Ok(()) } else { Err(self.wrong_version(format!("{trusted} or more"))) }
    }

    fn wrong_version(&self, expected: String) -> TufError {
        TufError::Version { file: self.name.clone(), found: self.version, expected }
    }
}
