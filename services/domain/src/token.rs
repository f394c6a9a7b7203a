//! A vehicle's bearer token: a JWT (RFC 7519) signed with ed25519 (RFC 8037) by the campaign service
//! and verified by any gateway with the public key alone, so a poll costs no database read.
//! Revocation goes by the token's id, through the topic `otaru.revocations`.

use chrono::{DateTime, Utc};
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::id::{ModelId, VehicleId, Vin};
use crate::tuf::Key;

/// What the token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The vehicle.
    #[serde(rename = "sub")]
    pub vin: Vin,
    /// Its row.
    #[serde(rename = "vid")]
    pub vehicle: VehicleId,
    #[serde(rename = "mdl")]
    pub model: ModelId,
    /// The credential's id, by which it is revoked.
    pub jti: Uuid,
    /// Seconds since 1970.
    pub iat: i64,
    pub exp: i64,
    /// The public ed25519 key by which the vehicle signs its reports, in hex, if the credential was issued with one.
    #[serde(rename = "ack", default, skip_serializing_if = "Option::is_none")]
    pub ack_key: Option<String>,
}

/// A message on `otaru.revocations`; key is the credential's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revocation {
    /// Version of this message's schema; 1.
    pub schema_version: u32,
    /// The token's id.
    pub credential: Uuid,
    pub vin: Vin,
    pub revoked_at: DateTime<Utc>,
}

/// Why a token is not taken. Deliberately coarse: the sender learns nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    #[error("the token's signing key cannot be used")]
    Key,
    #[error("the token is not one of this fleet's, or was changed")]
    Invalid,
    #[error("the token has expired; have a new one issued")]
    Expired,
}

/// Signs `claims`.
///
/// # Errors
/// [`TokenError::Key`] when the key is elsewhere or cannot be encoded.
pub fn issue(claims: &Claims, key: &Key) -> Result<String, TokenError> {
    let der = key.signing_key().ok_or(TokenError::Key)?.to_pkcs8_der().map_err(|_| TokenError::Key)?;
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(key.id().to_owned());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(der.as_bytes())).map_err(|_| TokenError::Key)
}

/// The id of the key that a token says it was signed with; not verified.
#[must_use]
pub fn key_id(token: &str) -> Option<String> {
    jsonwebtoken::decode_header(token).ok()?.kid
}

/// Verifies `token` with a public key of 32 bytes.
///
/// # Errors
/// [`TokenError`] when it was not signed by that key, was changed or has expired at `now`.
pub fn verify(token: &str, public_key: &[u8; 32], now: DateTime<Utc>) -> Result<Claims, TokenError> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    // Expiry is checked below against the caller's clock.
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_ed_der(public_key), &validation)
        .map_err(|_| TokenError::Invalid)?
        .claims;
    if claims.exp <= now.timestamp() { Err(TokenError::Expired) } else { Ok(claims) }
}
