//! ed25519 keys as TUF writes them.

use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use thiserror::Error;
use utoipa::ToSchema;

use super::sign::{SignError, canonical};

/// A public key, as metadata carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicKey {
    pub keytype: String,
    pub scheme: String,
    pub keyval: KeyVal,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyVal {
    /// 64 lowercase hexadecimal digits.
    pub public: String,
}

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    #[error("not an ed25519 private key in PKCS#8 PEM")]
    Pem,
    #[error("the key never leaves where it is")]
    Elsewhere,
    #[error("the operating system gave no randomness")]
    Randomness,
}

impl PublicKey {
    #[must_use]
    pub fn ed25519(bytes: &[u8; 32]) -> Self {
        Self { keytype: "ed25519".into(), scheme: "ed25519".into(), keyval: KeyVal { public: hex::encode(bytes) } }
    }

    /// SHA-256 of the canonical form, in hex (TUF 1.0.31, section 4.2).
    #[must_use]
    pub fn id(&self) -> String {
        // A struct of three strings always has a canonical form.
        canonical(self).map(|bytes| hex::encode(Sha256::digest(bytes))).unwrap_or_default()
    }

    /// The key's 32 bytes, if it is an ed25519 key.
    #[must_use]
    pub fn bytes(&self) -> Option<[u8; 32]> {
        if self.keytype != "ed25519" || self.scheme != "ed25519" {
            return None;
        }
        hex::decode(&self.keyval.public).ok()?.try_into().ok()
    }
}

/// Signs with a key that never leaves where it is, as in a hardware module.
pub trait Signer: Send + Sync {
    /// The ed25519 signature of `message`.
    ///
    /// # Errors
    /// Why there is none, in words that hold no secret.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], String>;
}

#[derive(Clone)]
enum Secret {
    Here(Box<SigningKey>),
    Elsewhere(Arc<dyn Signer>),
}

/// A private key with its id. `Debug` shows only the id.
#[derive(Clone)]
pub struct Key {
    secret: Secret,
    public: PublicKey,
    id: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl Key {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::Randomness`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0_u8; 32];
        getrandom::fill(&mut seed).map_err(|_| KeyError::Randomness)?;
        Ok(Self::from_seed(&seed))
    }

    /// The key of a seed (RFC 8032's private key).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::new(SigningKey::from_bytes(seed))
    }

    fn new(signing: SigningKey) -> Self {
        let public = PublicKey::ed25519(signing.verifying_key().as_bytes());
        let id = public.id();
        Self { secret: Secret::Here(Box::new(signing)), public, id }
    }

    /// A key that signs elsewhere.
    #[must_use]
    pub fn elsewhere(public: PublicKey, signer: Arc<dyn Signer>) -> Self {
        let id = public.id();
        Self { secret: Secret::Elsewhere(signer), public, id }
    }

    /// Reads PKCS#8 PEM (RFC 8410).
    ///
    /// # Errors
    /// [`KeyError::Pem`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        SigningKey::from_pkcs8_pem(pem).map(Self::new).map_err(|_| KeyError::Pem)
    }

    /// Writes PKCS#8 PEM.
    ///
    /// # Errors
    /// [`KeyError::Pem`], or [`KeyError::Elsewhere`].
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let signing = self.signing_key().ok_or(KeyError::Elsewhere)?;
        signing.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.to_string()).map_err(|_| KeyError::Pem)
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key itself, unless it is elsewhere.
    pub(crate) fn signing_key(&self) -> Option<&SigningKey> {
        match &self.secret {
            Secret::Here(signing) => Some(signing),
            Secret::Elsewhere(_) => None,
        }
    }

    /// The signature of `message`, in lowercase hex.
    ///
    /// # Errors
    /// [`SignError::Signer`] when the key is elsewhere and does not answer, or answers what nobody would take.
    pub fn sign(&self, message: &[u8]) -> Result<String, SignError> {
        let signer = match &self.secret {
            Secret::Here(signing) => return Ok(hex::encode(signing.sign(message).to_bytes())),
            Secret::Elsewhere(signer) => signer,
        };
        let refused = |reason: String| SignError::Signer { key: self.id.clone(), reason };
        let signature = Signature::from_bytes(&signer.sign(message).map_err(refused)?);
        let public = self.public.bytes().and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        match public.is_some_and(|public| public.verify_strict(message, &signature).is_ok()) {
            true => Ok(hex::encode(signature.to_bytes())),
            false => Err(refused("its signature does not fit its public key".to_owned())),
        }
    }
}
