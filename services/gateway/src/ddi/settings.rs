//! What an installation decides about the device API.

use otaru_domain::id::ModelId;
use sha2::{Digest as _, Sha256};

/// What an installation decides about the device API.
#[derive(Debug, Clone)]
pub struct DdiConfig {
    /// The one tenant; others are not found.
    pub tenant: String,
    /// SHA-256 of the token by which a gateway of the fleet speaks for any vehicle; none, no such gateway.
    pub gateway_token_sha256: Option<[u8; 32]>,
    /// The model of vehicles that such a gateway brings and nobody registered; none, they are refused.
    pub auto_register_model: Option<ModelId>,
    /// Every update waits for the user's confirmation, unless given once for all.
    pub confirmation: bool,
}

impl Default for DdiConfig {
    fn default() -> Self {
        Self {
            tenant: "DEFAULT".to_owned(),
            gateway_token_sha256: None,
            auto_register_model: None,
            confirmation: false,
        }
    }
}

impl DdiConfig {
    /// The hash that is kept of a gateway token.
    #[must_use]
    pub fn hash(token: &str) -> [u8; 32] {
        Sha256::digest(token.as_bytes()).into()
    }
}
