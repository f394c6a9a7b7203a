//! Signed JSON in this dialect: signatures in base64, with their method.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::canonical::{canonical, signed_forms};
use super::key::EcuKey;
use crate::tuf::{Key, PublicKey, SignError, VerifyError};

const ED25519: &str = "ed25519";
/// The most signatures that are looked at: each costs a verification.
const MAX_SIGNATURES: usize = 32;

/// Signed JSON that is not verified yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub signatures: Vec<EnvelopeSignature>,
    pub signed: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    pub keyid: String,
    pub method: String,
    pub sig: String,
}

impl Envelope {
    /// Whether `key` signed it. The key is known from elsewhere, so what the signature calls it proves nothing.
    #[must_use]
    pub fn is_signed_by(&self, key: &EcuKey) -> bool {
        let Ok(forms) = signed_forms(&self.signed) else { return false };
        let signatures = self.signatures.iter().take(MAX_SIGNATURES);
        signatures
            .flat_map(|one| forms.iter().map(move |form| (one, form)))
            .any(|(one, form)| key.signed(&one.method, &one.sig, form))
    }
}

fn not_canonical(error: &dyn std::fmt::Display) -> SignError {
    SignError::NotCanonical(error.to_string())
}

/// Signs with every key given. The result is the file in its canonical form: clients hash that, whatever they were sent.
///
/// # Errors
/// [`SignError`] when clients would not agree on its form, or a key does not sign.
pub fn sign(signed: &impl Serialize, keys: &[&Key]) -> Result<Vec<u8>, SignError> {
    let signed = serde_json::to_value(signed).map_err(|error| not_canonical(&error))?;
    let forms = signed_forms(&signed).map_err(|error| not_canonical(&error))?;
    let [message] = forms.as_slice() else { return Err(SignError::NotAscii) };
    let signatures = keys.iter().map(|key| signature(key, message)).collect::<Result<Vec<_>, _>>()?;
    canonical(&json!({ "signatures": signatures, "signed": signed })).map_err(|error| not_canonical(&error))
}

fn signature(key: &Key, message: &[u8]) -> Result<EnvelopeSignature, SignError> {
    let sig = hex::decode(key.sign(message)?).map_err(|error| not_canonical(&error))?;
    Ok(EnvelopeSignature { keyid: key.id().to_owned(), method: ED25519.to_owned(), sig: STANDARD.encode(sig) })
}

/// Adds signatures to a file, or to a bare `signed` part, as when several people sign a root one after the other. A key
/// that signed before signs anew.
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
    envelope.signatures.retain(|known| keys.iter().all(|key| key.id() != known.keyid));
    for key in keys {
        envelope.signatures.push(signature(key, &message).map_err(|error| parse_error(&error))?);
    }
    canonical(&json!(envelope)).map_err(|error| parse_error(&error))
}

/// Verifies that at least `threshold` different keys of `keyids` signed the file: a key counts once, however often it
/// signs and whatever it is called.
///
/// # Errors
/// [`VerifyError`].
pub fn verify<T: DeserializeOwned>(
    bytes: &[u8],
    keys: &BTreeMap<String, PublicKey>,
    keyids: &[String],
    threshold: u32,
) -> Result<T, VerifyError> {
    let parse_error = |error: &dyn std::fmt::Display| VerifyError::Parse(error.to_string());
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(|error| parse_error(&error))?;
    let message = canonical(&envelope.signed).map_err(|error| parse_error(&error))?;
    let mut valid = BTreeSet::new();
    for one in envelope.signatures.iter().take(MAX_SIGNATURES).filter(|one| one.method == ED25519) {
        let key = keyids.contains(&one.keyid).then(|| keys.get(&one.keyid)).flatten();
        let Some(public) = key.and_then(PublicKey::bytes) else { continue };
        let signature = STANDARD.decode(&one.sig).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
        let holds = signature.is_some_and(|signature| {
            VerifyingKey::from_bytes(&public).is_ok_and(|key| key.verify_strict(&message, &signature).is_ok())
        });
        if holds {
            valid.insert(public);
        }
    }
    if threshold == 0 || valid.len() < threshold as usize {
        return Err(VerifyError::Threshold { got: valid.len(), threshold });
    }
    serde_json::from_value(envelope.signed).map_err(|error| parse_error(&error))
}
