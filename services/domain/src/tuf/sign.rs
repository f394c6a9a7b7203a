//! Signing and the one function that verifies.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signature, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::key::{Key, PublicKey};

#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    signatures: Vec<KeySignature>,
    signed: Value,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeySignature {
    keyid: String,
    sig: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignError {
    #[error("the metadata has no canonical form: {0}")]
    NotCanonical(String),
    #[error("signed metadata must be ASCII")]
    NotAscii,
    #[error("the key {key} does not sign: {reason}")]
    Signer { key: String, reason: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VerifyError {
    #[error("not TUF metadata: {0}")]
    Parse(String),
    #[error("{got} valid signatures, {threshold} are needed")]
    Threshold { got: usize, threshold: u32 },
}

/// The OLPC canonical JSON of `value`, which is what signatures cover.
///
/// # Errors
/// [`SignError::NotCanonical`] for floats and what is no JSON.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, SignError> {
    let value = serde_json::to_value(value).map_err(|error| SignError::NotCanonical(error.to_string()))?;
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, olpc_cjson::CanonicalFormatter::new());
    value.serialize(&mut serializer).map_err(|error| SignError::NotCanonical(error.to_string()))?;
    Ok(bytes)
}

/// Signs with every key given; the result is the file, byte for byte, to hash and publish.
///
/// # Errors
/// [`SignError`] when the content cannot be signed so that every client agrees on its form.
pub fn sign(signed: &impl Serialize, keys: &[&Key]) -> Result<Vec<u8>, SignError> {
    let signed = serde_json::to_value(signed).map_err(|error| SignError::NotCanonical(error.to_string()))?;
    let message = canonical(&signed)?;
    if !message.is_ascii() {
        return Err(SignError::NotAscii);
    }
    let signatures = signatures(keys, &message)?;
    serde_json::to_vec(&Envelope { signatures, signed }).map_err(|error| SignError::NotCanonical(error.to_string()))
}

fn signatures(keys: &[&Key], message: &[u8]) -> Result<Vec<KeySignature>, SignError> {
    let one = |key: &&Key| Ok(KeySignature { keyid: key.id().to_owned(), sig: key.sign(message)? });
    keys.iter().map(one).collect()
}

/// Adds signatures to a file, or to a bare `signed` part, as when several people sign a root one after the
/// other. A key that signed before signs anew.
///
/// # Errors
/// [`VerifyError::Parse`] for what is no metadata.
pub fn add_signatures(bytes: &[u8], keys: &[&Key]) -> Result<Vec<u8>, VerifyError> {
    let parse_error = |error: &dyn std::fmt::Display| VerifyError::Parse(error.to_string());
    let file: Value = serde_json::from_slice(bytes).map_err(|error| parse_error(&error))?;
    let mut envelope: Envelope = if file.get("signed").is_some() {
        serde_json::from_value(file).map_err(|error| parse_error(&error))?
    } else {
        Envelope { signatures: Vec::new(), signed: file }
    };
    let message = canonical(&envelope.signed).map_err(|error| parse_error(&error))?;
    envelope.signatures.retain(|signature| keys.iter().all(|key| key.id() != signature.keyid));
    envelope.signatures.extend(signatures(keys, &message).map_err(|error| parse_error(&error))?);
    serde_json::to_vec(&envelope).map_err(|error| parse_error(&error))
}

/// `file` with its own valid signatures and those of `other` that are valid on it, one per key of `keyids`: what somebody
/// signed is taken over, and nothing else of what they sent.
///
/// # Errors
/// [`VerifyError::Parse`] for what is no metadata.
pub fn countersign(
    file: &[u8],
    other: &[u8],
    keys: &BTreeMap<String, PublicKey>,
    keyids: &[String],
) -> Result<Vec<u8>, VerifyError> {
    let parse_error = |error: &dyn std::fmt::Display| VerifyError::Parse(error.to_string());
    let envelope = |bytes| serde_json::from_slice::<Envelope>(bytes).map_err(|error| parse_error(&error));
    let (file, other) = (envelope(file)?, envelope(other)?);
    let message = canonical(&file.signed).map_err(|error| parse_error(&error))?;
    let mut signatures: Vec<KeySignature> = Vec::new();
    for signature in file.signatures.into_iter().chain(other.signatures) {
        let key = keyids.contains(&signature.keyid).then(|| keys.get(&signature.keyid)).flatten();
        let valid =
            key.and_then(PublicKey::bytes).is_some_and(|public| is_signed_by(&public, &signature.sig, &message));
        if valid && signatures.iter().all(|known| known.keyid != signature.keyid) {
            signatures.push(signature);
        }
    }
    serde_json::to_vec(&Envelope { signatures, signed: file.signed }).map_err(|error| parse_error(&error))
}

/// Reads the signed part of a file without verifying anything: for our own files, and for a first root
/// whose keys are inside it.
///
/// # Errors
/// [`VerifyError::Parse`].
pub fn parse_unverified<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, VerifyError> {
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(|error| VerifyError::Parse(error.to_string()))?;
    serde_json::from_value(envelope.signed).map_err(|error| VerifyError::Parse(error.to_string()))
}

/// Verifies that at least `threshold` different keys of `keyids` signed the file
/// (TUF 1.0.31, section 5.3.4 and its siblings: a key counts once, however often it signs).
///
/// # Errors
/// [`VerifyError`].
pub fn verify<T: DeserializeOwned>(
    bytes: &[u8],
    keys: &BTreeMap<String, PublicKey>,
    keyids: &[String],
    threshold: u32,
) -> Result<T, VerifyError> {
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(|error| VerifyError::Parse(error.to_string()))?;
    let message = canonical(&envelope.signed).map_err(|error| VerifyError::Parse(error.to_string()))?;
    let mut valid = BTreeSet::new();
    for signature in &envelope.signatures {
        let Some(key) = keyids.contains(&signature.keyid).then(|| keys.get(&signature.keyid)).flatten() else {
            continue;
        };
        // The same key under two ids is still one key.
        if let Some(public) = key.bytes().filter(|public| is_signed_by(public, &signature.sig, &message)) {
            valid.insert(public);
        }
    }
    if threshold == 0 || valid.len() < threshold as usize {
        return Err(VerifyError::Threshold { got: valid.len(), threshold });
    }
    serde_json::from_value(envelope.signed).map_err(|error| VerifyError::Parse(error.to_string()))
}

/// Whether `sig`, in hex, is the signature of `message` by this ed25519 key.
#[must_use]
pub fn is_signed_by(public: &[u8; 32], sig: &str, message: &[u8]) -> bool {
    let Some(signature) = hex::decode(sig).ok().and_then(|bytes| Signature::from_slice(&bytes).ok()) else {
        return false;
    };
    VerifyingKey::from_bytes(public).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}
