//! A recipient is a public key, an identity the private one. Identities exist on vehicles alone.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use thiserror::Error;

use super::{AgeError, bech32};

const RECIPIENT: &str = "age";
const IDENTITY: &str = "age-secret-key-";

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    #[error("is no age recipient: one is written age1… and has 62 characters, as `age-keygen -y` prints it")]
    NoRecipient,
    #[error("is the private key: keep it on the vehicles, and give its public one (age1…) here")]
    Private,
    #[error("is a public key that protects nothing: anybody could read what is encrypted for it")]
    Weak,
    #[error("line {0} is no age identity: one is written AGE-SECRET-KEY-1…, as `age-keygen` prints it")]
    NoIdentity(usize),
    #[error("it has no age identity in it: make one with `age-keygen`")]
    Empty,
}

/// Whom a file is encrypted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipient(pub(super) [u8; 32]);

impl Recipient {
    /// Reads a recipient.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if bech32::decode(IDENTITY, text).is_some() {
            return Err(KeyError::Private);
        }
        let public = bech32::decode(RECIPIENT, text).ok_or(KeyError::NoRecipient)?;
        // A point of small order gives all the same secret, zero, which the library refuses.
        let any = PrivateKey::generate(&X25519).map_err(|_| KeyError::Weak)?;
        agree(&any, UnparsedPublicKey::new(&X25519, public), KeyError::Weak, |_| Ok(()))?;
        Ok(Self(public))
    }
}

impl FromStr for Recipient {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32::encode(RECIPIENT, &self.0))
    }
}

/// A private key.
pub struct Identity {
    private: PrivateKey,
    public: [u8; 32],
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.recipient())
    }
}

impl Identity {
    /// Reads an identity.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::new(&bech32::decode(IDENTITY, text)?)
    }

    /// Makes one from 32 random bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Option<Self> {
        let private = PrivateKey::from_private_key(&X25519, secret).ok()?;
        let public = private.compute_public_key().ok()?.as_ref().try_into().ok()?;
        Some(Self { private, public })
    }

    /// Reads the identities of a file: one a line, beside comments that begin with `#`. Several at once are those of keys
    /// that follow one another.
    ///
    /// # Errors
    /// [`KeyError::NoIdentity`] and [`KeyError::Empty`].
    pub fn parse_file(text: &str) -> Result<Vec<Self>, KeyError> {
        let lines = text.lines().map(str::trim).enumerate();
        let keys = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let parsed = keys.map(|(number, line)| Self::parse(line).ok_or(KeyError::NoIdentity(number + 1)));
        let identities: Vec<Self> = parsed.collect::<Result<_, _>>()?;
        if identities.is_empty() { Err(KeyError::Empty) } else { Ok(identities) }
    }

    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient(self.public)
    }

    /// The key that wraps a file's key, from the other side's `share`.
    pub(super) fn unwrapping_key(&self, share: &[u8; 32]) -> Result<[u8; 32], AgeError> {
        wrapping_key(&self.private, share, share, &self.public)
    }
}

/// A share for `recipient`, and the key that wraps a file's key with it.
pub(super) fn wrap_for(recipient: &Recipient) -> Result<([u8; 32], [u8; 32]), AgeError> {
    let ephemeral = PrivateKey::generate(&X25519)?;
    let share = ephemeral.compute_public_key()?.as_ref().try_into().map_err(|_| AgeError::Library)?;
    let key = wrapping_key(&ephemeral, &recipient.0, &share, &recipient.0)?;
    Ok((share, key))
}

fn wrapping_key(
    own: &PrivateKey,
    other: &[u8; 32],
    share: &[u8; 32],
    recipient: &[u8; 32],
) -> Result<[u8; 32], AgeError> {
    let salt = [*share, *recipient].concat();
    let weak = AgeError::Header("a share is no point of use");
    agree(own, UnparsedPublicKey::new(&X25519, other), weak, |secret| {
        derive(&salt, secret, "age-encryption.org/v1/X25519")
    })
}

/// HKDF with SHA-256, 32 bytes of it.
pub(super) fn derive(salt: &[u8], secret: &[u8], label: &str) -> Result<[u8; 32], AgeError> {
    let mut key = [0; 32];
    let label = [label.as_bytes()];
    Salt::new(HKDF_SHA256, salt).extract(secret).expand(&label, HKDF_SHA256)?.fill(&mut key)?;
    Ok(key)
}
