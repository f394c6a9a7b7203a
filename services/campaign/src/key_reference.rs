//! Where a signing key is that is not in the keys directory: in a variable of the environment, or in a hardware module.

use std::fmt;
use std::str::FromStr;

use otaru_domain::tuf::Key;

use crate::pkcs11::{self, Pkcs11Config};

/// What variables with keys begin with, so that no reference names another secret.
const VARIABLES: &str = "OTARU_KEY_";
const MAX_BYTES: usize = 512;

/// A reference to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyReference {
    /// `env:OTARU_KEY_…`: PKCS#8 PEM in a variable of the service's environment.
    Environment(String),
    /// `pkcs11:token=LABEL;object=LABEL`.
    Token { token: String, object: String },
}

impl fmt::Display for KeyReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Token { token, object } => write!(f, "pkcs11:token={token};object={object}"),
        }
    }
}

impl FromStr for KeyReference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            Err(format!(
                "a key is env:{VARIABLES}NAME or pkcs11:token=LABEL;object=LABEL, labels of letters, digits, -, _ and ."
            ))
        };
        let is_label = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        if text.len() > MAX_BYTES {
            return wrong();
        }
        if let Some(name) = text.strip_prefix("env:") {
            let fits = name.starts_with(VARIABLES) && is_label(name);
            return if fits { Ok(Self::Environment(name.to_owned())) } else { wrong() };
        }
        let (mut token, mut object) = (None, None);
        let Some(parts) = text.strip_prefix("pkcs11:") else { return wrong() };
        for part in parts.split(';') {
            match part.split_once('=') {
                Some(("token", label)) if is_label(label) && token.is_none() => token = Some(label.to_owned()),
                Some(("object", label)) if is_label(label) && object.is_none() => object = Some(label.to_owned()),
                _ => return wrong(),
            }
        }
        match (token, object) {
            (Some(token), Some(object)) => Ok(Self::Token { token, object }),
            _ => wrong(),
        }
    }
}

impl KeyReference {
    /// The key itself.
    ///
    /// # Errors
    /// Why it cannot be used, in words that hold no secret.
    pub(crate) fn resolve(&self, pkcs11: Option<&Pkcs11Config>) -> Result<Key, String> {
        match self {
            Self::Environment(name) => {
                let pem = std::env::var(name).map_err(|_| format!("the variable {name} is not set"))?;
                Key::from_pem(&pem).map_err(|error| error.to_string())
            }
            Self::Token { token, object } => {
                let config = pkcs11.ok_or("no module is configured: --pkcs11-module")?;
                pkcs11::key(config, token, object)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_they_are_written_and_name_nothing_else() {
        for text in ["env:OTARU_KEY_A1", "pkcs11:token=otaru;object=harbour-timestamp.2"] {
            assert_eq!(text.parse::<KeyReference>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "env:",
            "env:HOME",
            "env:OTARU_KEY_A=B",
            "env:OTARU_DATABASE_URL",
            "pkcs11:",
            "pkcs11:token=a",
            "pkcs11:token=a;token=b;object=c",
            "pkcs11:token=a;object=b;pin-value=1",
            "file:/etc/passwd",
            "pkcs11:token=a b;object=c",
            "pkcs11:token=a;object=b\n",
        ] {
            assert!(text.parse::<KeyReference>().is_err(), "{text:?}");
        }
    }
}
