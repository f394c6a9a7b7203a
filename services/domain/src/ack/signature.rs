//! A report signed by the vehicle's own key: whoever stands between the vehicle and its assignment's state (a gateway, a
//! broker) can withhold what it says, and cannot say it in its place. What is signed and what counts is decided here, once,
//! for the vehicle, the gateway and vehicle-state.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::VerifyingKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Ack, AckReport, Health, Origin, VehicleWait};
use crate::assignment::AssignmentState;
use crate::id::{CampaignId, HardwareId, Vin};
use crate::tuf::{Key, SignError, canonical, is_signed_by};

/// What the signed bytes begin to say, so that they are never taken for anything else that such a key may sign.
const STATEMENT: &str = "otaru-ack";

/// A vehicle's signature of its report, over the OLPC canonical JSON of the report without this field, with `vin` and
/// `"_type": "otaru-ack"` (an inventory: `"otaru-inventory"`); times in UTC with `Z`, NUL characters as blanks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct AckSignature {
    /// The vehicle's public ed25519 key, which its credentials were issued with, in hex.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub key: String,
    /// The ed25519 signature (RFC 8032), in hex.
    #[schemars(regex(pattern = "^[0-9a-f]{128}$"))]
    #[schema(pattern = "^[0-9a-f]{128}$")]
    pub sig: String,
}

impl AckSignature {
    pub(crate) fn is_well_formed(&self) -> bool {
        let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        self.key.len() == 64 && self.sig.len() == 128 && hex(&self.key) && hex(&self.sig)
    }
}

/// Whether the vehicles of a model have to sign their reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AckSignatures)]
pub enum SignaturePolicy {
    /// What is not signed by the vehicle's key is not taken.
    Required,
    /// What is not signed is taken; a signature that is there must hold.
    #[default]
    Optional,
    /// Signatures are not looked at.
    Off,
}

impl SignaturePolicy {
    /// The name in JSON and SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Off => "off",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Required, Self::Optional, Self::Off].into_iter().find(|policy| policy.as_str() == text)
    }
}

impl fmt::Display for SignaturePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A public key that one of the vehicle's credentials was issued with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckKey {
    pub credential: Uuid,
    pub public: [u8; 32],
    /// When the credential expires or was revoked: what comes later does not count.
    pub ends_at: DateTime<Utc>,
}

/// Why a report is not taken. The message begins with the JSON pointer of the field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignatureError {
    #[error("/signature is missing, and the vehicles of this model sign their reports")]
    Missing,
    #[error("/signature/key is no key that this vehicle's credentials were issued with")]
    UnknownKey,
    #[error("/signature/key is of a credential that was revoked or had expired when the report came")]
    Ended,
    #[error("/signature/sig is not the key's signature of this report")]
    Wrong,
    #[error("/sequence is lower than that of an inventory which the vehicle signed before")]
    Older,
    #[error("/state {0} is not a gateway's to say where vehicles sign their reports")]
    NotAGateways(AssignmentState),
}

/// Reads a public ed25519 key of 64 lowercase hexadecimal digits; none for what could never verify a signature, or
/// would verify any.
#[must_use]
pub fn parse_key(text: &str) -> Option<[u8; 32]> {
    let bytes: [u8; 32] = hex::decode(text).ok()?.try_into().ok()?;
    let strong = VerifyingKey::from_bytes(&bytes).is_ok_and(|key| !key.is_weak());
    (strong && hex::encode(bytes) == text).then_some(bytes)
}

/// What a text that is no key is told.
pub const KEY_EXPECTED: &str = "must be the vehicle's public ed25519 key, 64 lowercase hexadecimal digits";

/// What is signed: all that the vehicle said. Who took it and when is not the vehicle's.
#[derive(Serialize)]
struct Statement<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    vin: &'a Vin,
    schema_version: u32,
    id: Uuid,
    campaign: CampaignId,
    attempt: u32,
    sequence: u64,
    state: AssignmentState,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress_percent: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<&'a VehicleWait>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    versions: &'a BTreeMap<HardwareId, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reported_at: Option<DateTime<Utc>>,
}

impl Ack {
    /// The bytes that the vehicle's signature covers.
    fn statement(&self) -> Result<Vec<u8>, SignError> {
        // Without `..`: whoever adds a field decides here whether it is the vehicle's to sign.
        let Self {
            schema_version,
            id,
            origin: _,
            vin,
            model: _,
            campaign,
            attempt,
            sequence,
            state,
            progress_percent,
            health,
            error_code,
            log,
            waiting_for,
            versions,
            reported_at,
            received_at: _,
            signature: _,
        } = self;
        canonical(&Statement {
            kind: STATEMENT,
            vin,
            schema_version: *schema_version,
            id: *id,
            campaign: *campaign,
            attempt: *attempt,
            sequence: *sequence,
            state: *state,
            progress_percent: *progress_percent,
            health: *health,
            error_code: error_code.as_deref(),
            log: log.as_deref(),
            waiting_for: waiting_for.as_ref(),
            versions,
            reported_at: *reported_at,
        })
    }
}

impl AckReport {
    /// The report with the signature of `key`; it gets an id if it has none.
    ///
    /// # Errors
    /// [`SignError`] when the key does not sign.
    pub fn signed(mut self, vin: &Vin, key: &Key) -> Result<Self, SignError> {
        self.signature = None;
        let ack = self.clone().into_ack(vin.clone(), None, DateTime::UNIX_EPOCH);
        self.id = Some(ack.id);
        let sig = key.sign(&ack.statement()?)?;
        self.signature = Some(AckSignature { key: key.public().keyval.public.clone(), sig });
        Ok(self)
    }
}

/// Whether `ack` is to be taken from a vehicle with `keys`, oldest first; and the credential whose key signed it, if one did.
/// A key counts for what came before its credential ended, however much later it is looked at: that was answered with yes.
///
/// # Errors
/// [`SignatureError`].
pub fn judge(ack: &Ack, policy: SignaturePolicy, keys: &[AckKey]) -> Result<Option<Uuid>, SignatureError> {
    judge_stored(ack, policy, keys, None)
}

/// How long a gateway may take to have the broker store what it took.
const STORED_WITHIN: TimeDelta = TimeDelta::minutes(5);

/// As [`judge`], of a report that was stored at `stored_at` by the broker's own clock: whoever wrote it can have taken it hardly
/// earlier, whatever it says, so a stolen gateway with a revoked key cannot date reports back.
///
/// # Errors
/// As [`judge`].
pub fn judge_stored(
    ack: &Ack,
    policy: SignaturePolicy,
    keys: &[AckKey],
    stored_at: Option<DateTime<Utc>>,
) -> Result<Option<Uuid>, SignatureError> {
    if policy == SignaturePolicy::Off {
        return Ok(None);
    }
    if ack.origin != Origin::Vehicle {
        // What a gateway says in a vehicle's place would need the vehicle's signature, and it has none.
        let theirs = ack.origin == Origin::Engine || ack.state == AssignmentState::Offered;
        return match policy {
            SignaturePolicy::Required if !theirs => Err(SignatureError::NotAGateways(ack.state)),
            _ => Ok(None),
        };
    }
    let Some(signature) = &ack.signature else {
        return if policy == SignaturePolicy::Required { Err(SignatureError::Missing) } else { Ok(None) };
    };
    signer(signature, ack.statement().ok().as_deref(), taken_at(ack.received_at, stored_at), keys).map(Some)
}

/// When what a gateway says it took at `received_at` was taken at the earliest.
pub(crate) fn taken_at(received_at: DateTime<Utc>, stored_at: Option<DateTime<Utc>>) -> DateTime<Utc> {
    stored_at.map_or(received_at, |stored_at| received_at.max(stored_at - STORED_WITHIN))
}

/// The credential among `keys` whose key signed `statement`, which was taken at `at`. None is a statement that nobody can sign.
pub(crate) fn signer(
    signature: &AckSignature,
    statement: Option<&[u8]>,
    at: DateTime<Utc>,
    keys: &[AckKey],
) -> Result<Uuid, SignatureError> {
    let known = parse_key(&signature.key).filter(|key| keys.iter().any(|one| one.public == *key));
    let public = known.ok_or(SignatureError::UnknownKey)?;
    if !statement.is_some_and(|statement| is_signed_by(&public, &signature.sig, statement)) {
        return Err(SignatureError::Wrong);
    }
    let good = keys.iter().find(|one| one.public == public && at < one.ends_at);
    good.map(|one| one.credential).ok_or(SignatureError::Ended)
}
