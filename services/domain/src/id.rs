//! Identifiers that guard something: one that exists has been checked, so an invalid VIN never
//! reaches a handler, a topic name or an SQL statement.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

/// Why a text is not the identifier it should be. The message says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    #[error("a model id is 1 to 64 characters of a-z, 0-9 and '-', got {0:?}")]
    Model(String),
    #[error("a VIN is 17 characters of A-Z and 0-9 without I, O and Q, got {0:?}")]
    Vin(String),
    #[error(
        "a hardware id is 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-', starting with a letter or digit, got {0:?}"
    )]
    Hardware(String),
    #[error("a group id is 1 to 64 characters of a-z, 0-9 and '-', got {0:?}")]
    Group(String),
    #[error("a SHA-256 is 64 lowercase hexadecimal digits, got {0:?}")]
    Sha256(String),
}

/// Cuts what a stranger sent before it is quoted in an error.
fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $error:ident, $pattern:literal, $example:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        #[schema(value_type = String, pattern = $pattern, example = $example)]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and takes it as it is.
            ///
            /// # Errors
            /// [`IdError`] naming what is allowed.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(IdError::$error(excerpt(text))) }
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

text_id!(
    /// A vehicle model's id; part of its topic's name, so lower case and short.
    ModelId, Model, "^[a-z0-9-]{1,64}$", "harbour-2025",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

text_id!(
    /// The id of a saved group of vehicles, as target expressions name it.
    GroupId, Group, "^[a-z0-9-]{1,64}$", "winter-testers",
    |text| ModelId::parse(text).is_ok()
);

text_id!(
    /// A vehicle identification number (ISO 3779): 17 characters without I, O and Q.
    Vin, Vin, "^[A-HJ-NPR-Z0-9]{17}$", "WVWZZZ1KZAW000001",
    |text| text.len() == 17
        && text.bytes().all(|b| (b.is_ascii_uppercase() && !matches!(b, b'I' | b'O' | b'Q')) || b.is_ascii_digit())
);

text_id!(
    /// What an ECU is: images are made for a hardware id.
    HardwareId, Hardware, "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "BCM",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && text.as_bytes()[0].is_ascii_alphanumeric()
);

text_id!(
    /// The SHA-256 of an artifact's bytes, which is also its address.
    Sha256, Sha256, "^[0-9a-f]{64}$",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    |text| text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

impl Vin {
    /// Whether position 9 holds the check digit of 49 CFR 565.15(c): mandatory in North America and
    /// China, absent from most European VINs, so it counts only where the model says so.
    #[must_use]
    pub fn check_digit_holds(&self) -> bool {
        const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
        let sum: u32 = self.0.bytes().zip(WEIGHTS).map(|(b, weight)| transliterate(b) * weight).sum();
        let expected = match sum % 11 {
            10 => b'X',
            rest => b"0123456789"[rest as usize],
        };
        self.0.as_bytes()[8] == expected
    }
}

/// The value of a VIN's character in 49 CFR 565.15(c), table III.
fn transliterate(b: u8) -> u32 {
    match b {
        b'0'..=b'9' => u32::from(b - b'0'),
        b'A'..=b'H' => u32::from(b - b'A') + 1,
        b'J'..=b'N' => u32::from(b - b'J') + 1,
        b'P' => 7,
        b'R' => 9,
        b'S'..=b'Z' => u32::from(b - b'S') + 2,
        _ => 0,
    }
}

/// A campaign's number. It is part of a target's name (`campaign-12.json`).
pub type CampaignId = i64;
/// A release's number.
pub type ReleaseId = i64;
/// A vehicle's row number: shorter than a VIN and never reused.
pub type VehicleId = i64;
