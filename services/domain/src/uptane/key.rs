//! ECUs' public keys: ed25519, or RSA with PSS and SHA-256. An ECU's key is registered once and then held against all
//! that is said in its name.

use std::fmt;

use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PSS_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use utoipa::ToSchema;

use super::canonical::canonical;

/// The longest key: RSA of 8192 bits as PEM has 1,500 bytes.
const MAX_KEY_BYTES: usize = 4096;

/// A public key as a client sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientKey {
    /// `ED25519` or `RSA`, in any case.
    #[schema(example = "ED25519")]
    pub keytype: String,
    pub keyval: ClientKeyVal,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientKeyVal {
    /// 64 hexadecimal digits, or PEM.
    #[schema(max_length = 4096)]
    pub public: String,
}

/// What kind of key an ECU has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EcuKeyKind)]
pub enum KeyKind {
    Ed25519,
    /// Of 2048 to 8192 bits.
    Rsa,
}

impl KeyKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsa",
        }
    }
}

/// Why a key is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EcuKeyError {
    #[error("keytype must be ED25519 or RSA, got {0:?}")]
    Type(String),
    #[error("an ed25519 key is 64 hexadecimal digits of a point that is not weak")]
    Ed25519,
    #[error("an RSA key is PEM (BEGIN PUBLIC KEY) of 2048 to 8192 bits")]
    Rsa,
}

#[derive(Clone)]
enum Verifier {
    Ed25519(VerifyingKey),
    Rsa(ParsedPublicKey),
}

/// A public key that was checked.
#[derive(Clone)]
pub struct EcuKey {
    verifier: Verifier,
    public: String,
}

impl fmt::Debug for EcuKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EcuKey({} {})", self.kind().as_str(), self.id())
    }
}

impl PartialEq for EcuKey {
    fn eq(&self, other: &Self) -> bool {
        match (&self.verifier, &other.verifier) {
            (Verifier::Ed25519(a), Verifier::Ed25519(b)) => a == b,
            (Verifier::Rsa(a), Verifier::Rsa(b)) => a.as_ref() == b.as_ref(),
            _ => false,
        }
    }
}

impl Eq for EcuKey {}

impl EcuKey {
    /// Checks a key.
    ///
    /// # Errors
    /// [`EcuKeyError`].
    pub fn parse(keytype: &str, public: &str) -> Result<Self, EcuKeyError> {
        let verifier = match keytype.to_ascii_lowercase().as_str() {
            "ed25519" => Verifier::Ed25519(ed25519(public).ok_or(EcuKeyError::Ed25519)?),
            "rsa" => Verifier::Rsa(rsa(public).ok_or(EcuKeyError::Rsa)?),
            _ => return Err(EcuKeyError::Type(keytype.chars().take(40).collect())),
        };
        Ok(Self { verifier, public: public.trim_end_matches('\n').to_owned() })
    }

    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match self.verifier {
            Verifier::Ed25519(_) => KeyKind::Ed25519,
            Verifier::Rsa(_) => KeyKind::Rsa,
        }
    }

    /// The key as its ECU wrote it.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The id that aktualizr gives the key: SHA-256 of the public half, as a JSON text.
    #[must_use]
    pub fn id(&self) -> String {
        // A text always has a canonical form.
        canonical(&Value::from(self.public.as_str()))
            .map(|bytes| hex::encode(Sha256::digest(bytes)))
            .unwrap_or_default()
    }

    /// Whether `signature`, made by `method`, is this key's on `message`. aktualizr calls PSS with SHA-256 `rsassa-pss`.
    #[must_use]
    pub fn signed(&self, method: &str, signature: &str, message: &[u8]) -> bool {
        let method = method.to_ascii_lowercase();
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        match &self.verifier {
            Verifier::Ed25519(key) if method == "ed25519" => {
                Signature::from_slice(&signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
            }
            Verifier::Rsa(key) if method == "rsassa-pss-sha256" || method == "rsassa-pss" => {
                key.verify_sig(message, &signature).is_ok()
            }
            Verifier::Ed25519(_) | Verifier::Rsa(_) => false,
        }
    }
}

impl TryFrom<&ClientKey> for EcuKey {
    type Error = EcuKeyError;

    fn try_from(key: &ClientKey) -> Result<Self, EcuKeyError> {
        Self::parse(&key.keytype, &key.keyval.public)
    }
}

fn ed25519(public: &str) -> Option<VerifyingKey> {
    let bytes: [u8; 32] = hex::decode(public.trim()).ok()?.try_into().ok()?;
    VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak())
}

fn rsa(public: &str) -> Option<ParsedPublicKey> {
    if public.len() > MAX_KEY_BYTES {
        return None;
    }
    let text = public.trim();
    let body = text.strip_prefix("-----BEGIN PUBLIC KEY-----")?.strip_suffix("-----END PUBLIC KEY-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).ok()?;
    // A verifier would be made of a shorter key, too, and then refuse all that it signs.
    PublicEncryptingKey::from_der(&der).ok().filter(|key| (2048..=8192).contains(&key.key_size_bits()))?;
    ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, der).ok()
}
