//! The age format, version 1 (C2SP), with X25519 recipients: how images are encrypted for a model's vehicles. It is four
//! primitives that aws-lc-rs has, put together here: the published implementation would bring forty crates for the
//! translation of its messages, and panics on a public key that is no point of use. The standard's own test vectors hold it.

mod bech32;
mod header;
mod key;
mod stream;

pub use key::{Identity, KeyError, Recipient};
pub use stream::{Decryptor, Encryptor};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

/// The scheme's name in signed metadata.
pub const SCHEME: &str = "age";
/// The file name's extension of what is encrypted.
pub const EXTENSION: &str = "age";
/// Recipients that a model may have: those of the keys in use, of the ones before, and of whom else reads its images.
pub const MAX_RECIPIENTS: usize = 16;

/// Where a ciphertext stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CiphertextState {
    Queued,
    Encrypting,
    Encrypted,
}

impl CiphertextState {
    /// What the name in SQL says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "queued" => Some(Self::Queued),
            "encrypting" => Some(Self::Encrypting),
            "encrypted" => Some(Self::Encrypted),
            _ => None,
        }
    }
}

/// Why a file is not encrypted or decrypted.
#[derive(Debug, Error)]
pub enum AgeError {
    #[error("none of the identities is one that it is encrypted for")]
    NoMatch,
    #[error("it does not begin with a header of age: {0}")]
    Header(&'static str),
    #[error("its header was changed")]
    Mac,
    #[error("it cannot be read")]
    Read(#[source] std::io::Error),
    #[error("the cryptographic library refuses")]
    Library,
}

impl From<aws_lc_rs::error::Unspecified> for AgeError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Library
    }
}
