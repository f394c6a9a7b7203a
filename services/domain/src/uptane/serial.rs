//! What an ECU is called in its vehicle.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

/// The longest serial: aktualizr's default is a key id.
pub const MAX_SERIAL_BYTES: usize = 64;

/// A text that is no serial.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an ECU serial is 1 to {MAX_SERIAL_BYTES} visible ASCII characters without '/', '\\' and '\"', got {0:?}")]
pub struct SerialError(String);

/// An ECU's serial number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 64, example = "CA:FE:A6:D2:84:9D")]
pub struct EcuSerial(String);

impl EcuSerial {
    /// Checks `text` and takes it as it is.
    ///
    /// # Errors
    /// [`SerialError`].
    pub fn parse(text: &str) -> Result<Self, SerialError> {
        let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'/' | b'\\' | b'"');
        if (1..=MAX_SERIAL_BYTES).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SerialError(text.chars().take(80).collect()))
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EcuSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EcuSerial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for EcuSerial {
    type Error = SerialError;

    fn try_from(text: String) -> Result<Self, SerialError> {
        Self::parse(&text)
    }
}

impl From<EcuSerial> for String {
    fn from(serial: EcuSerial) -> Self {
        serial.0
    }
}
