//! What the Director tells one vehicle: signed targets that name images and the ECUs that shall install them, or none,
//! with the vehicle's id. Everything follows from the direction, its stamp and keys whose signatures are always the same,
//! so any Director gives the same bytes for the same version.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::canonical::canonical;
use super::envelope::sign;
use super::image::{MAX_SMALL_BYTES, snapshot_meta};
use super::root::capital;
use super::serial::EcuSerial;
use crate::id::{CampaignId, HardwareId, Vin};
use crate::tuf::{FileMeta, Hashes, Key, Metadata, Role, SignError, Snapshot, Timestamp};

/// How long what the Director signs is good for; it is signed anew at half of it.
pub const LIFETIME: TimeDelta = TimeDelta::days(1);
/// aktualizr reads no more of the Director's targets.
pub const MAX_DIRECTOR_BYTES: usize = MAX_SMALL_BYTES;
const CORRELATION: &str = "urn:otaru:campaign:";

/// What a vehicle shall install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Direction {
    pub vin: Vin,
    /// The campaign's attempt; none, and nothing is to be installed.
    pub attempt: Option<(CampaignId, u32)>,
    pub images: Vec<DirectedImage>,
}

/// An image and the ECUs that shall install it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectedImage {
    pub name: String,
    pub length: u64,
    pub sha256: String,
    pub release_counter: u64,
    pub ecus: BTreeMap<EcuSerial, HardwareId>,
}

/// A direction as it is remembered, to be held against what the vehicle says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directed {
    pub campaign: CampaignId,
    pub attempt: u32,
    pub ecus: Vec<DirectedEcu>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectedEcu {
    pub serial: EcuSerial,
    pub name: String,
    pub length: u64,
    pub sha256: String,
}

/// What the vehicle's counter says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub version: u64,
    pub expires: DateTime<Utc>,
}

/// The keys that sign it.
#[derive(Debug, Clone)]
pub struct DirectorKeys {
    pub targets: Key,
    pub snapshot: Key,
    pub timestamp: Key,
}

/// The signed files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorMetadata {
    pub targets: Vec<u8>,
    pub snapshot: Vec<u8>,
    pub timestamp: Vec<u8>,
}

#[derive(Debug, Error)]
pub enum DirectorError {
    #[error(
        "the Director's {role} would have {bytes} bytes, and aktualizr reads {MAX_DIRECTOR_BYTES}: split the release"
    )]
    TooLong { role: Role, bytes: usize },
    #[error(transparent)]
    Sign(#[from] SignError),
}

#[derive(Debug, Clone, Serialize)]
struct Body {
    targets: BTreeMap<String, Value>,
    custom: Value,
}

impl Direction {
    /// Nothing to do.
    #[must_use]
    pub fn nothing(vin: Vin) -> Self {
        Self { vin, attempt: None, images: Vec::new() }
    }

    /// What is told of the attempt, and comes back in the vehicle's report.
    #[must_use]
    pub fn correlation_id(campaign: CampaignId, attempt: u32) -> String {
        format!("{CORRELATION}{campaign}:{attempt}")
    }

    /// The attempt that a correlation id names, if it is one of ours.
    #[must_use]
    pub fn attempt_of(correlation_id: &str) -> Option<(CampaignId, u32)> {
        let (campaign, attempt) = correlation_id.strip_prefix(CORRELATION)?.split_once(':')?;
        let (campaign, attempt): (CampaignId, u32) = (campaign.parse().ok()?, attempt.parse().ok()?);
        let ours = campaign > 0 && (1..=i32::MAX.cast_unsigned()).contains(&attempt);
        (ours && Self::correlation_id(campaign, attempt) == correlation_id).then_some((campaign, attempt))
    }

    /// The same to be remembered.
    #[must_use]
    pub fn directed(&self) -> Option<Directed> {
        let (campaign, attempt) = self.attempt?;
        let of_image = |image: &DirectedImage| {
            let (name, sha256, length) = (image.name.clone(), image.sha256.clone(), image.length);
            let ecu = move |serial: &EcuSerial| DirectedEcu {
                serial: serial.clone(),
                name: name.clone(),
                length,
                sha256: sha256.clone(),
            };
            image.ecus.keys().map(ecu).collect::<Vec<_>>()
        };
        Some(Directed { campaign, attempt, ecus: self.images.iter().flat_map(of_image).collect() })
    }

    fn body(&self) -> Body {
        let target = |image: &DirectedImage| {
            let ecus: BTreeMap<_, _> =
                image.ecus.iter().map(|(serial, id)| (serial, json!({ "hardwareId": id }))).collect();
            // No hardwareIds: aktualizr takes targets that have them beside ecuIdentifiers for other ones than the Image
            // repository's.
            let target = json!({
                "length": image.length,
                "hashes": Hashes { sha256: image.sha256.clone() },
                "custom": { "ecuIdentifiers": ecus, "releaseCounter": image.release_counter },
            });
            (image.name.clone(), target)
        };
        let mut custom = json!({ "vehicleId": self.vin });
        if let Some((campaign, attempt)) = self.attempt {
            custom["correlationId"] = Self::correlation_id(campaign, attempt).into();
        }
        Body { targets: self.images.iter().map(target).collect(), custom }
    }

    /// A number for what is said and who says it: while it stays, so does the version.
    ///
    /// # Errors
    /// [`SignError`] when it cannot be signed.
    pub fn digest(&self, keys: &DirectorKeys) -> Result<[u8; 32], SignError> {
        let body = serde_json::to_value(self.body()).map_err(|error| SignError::NotCanonical(error.to_string()))?;
        let signers = [keys.targets.id(), keys.snapshot.id(), keys.timestamp.id()];
        let bytes = canonical(&json!([body, signers])).map_err(|error| SignError::NotCanonical(error.to_string()))?;
        Ok(Sha256::digest(bytes).into())
    }

    /// The files, as any Director would sign them.
    ///
    /// # Errors
    /// [`DirectorError`].
    pub fn sign(&self, stamp: Stamp, keys: &DirectorKeys) -> Result<DirectorMetadata, DirectorError> {
        let targets = file(Role::Targets, stamp, self.body(), &keys.targets)?;
        let entry = FileMeta { version: stamp.version, length: None, hashes: None };
        let body = Snapshot { meta: [("targets.json".to_owned(), entry)].into() };
        let snapshot = file(Role::Snapshot, stamp, body, &keys.snapshot)?;
        let body = Timestamp { meta: snapshot_meta(stamp.version, &snapshot) };
        let timestamp = file(Role::Timestamp, stamp, body, &keys.timestamp)?;
        Ok(DirectorMetadata { targets, snapshot, timestamp })
    }
}

fn file<T: Serialize>(role: Role, stamp: Stamp, body: T, key: &Key) -> Result<Vec<u8>, DirectorError> {
    let mut metadata = capital(Metadata::new(role, stamp.version, stamp.expires, body));
    metadata.expires = stamp.expires;
    let bytes = sign(&metadata, &[key])?;
    if bytes.len() > MAX_DIRECTOR_BYTES { Err(DirectorError::TooLong { role, bytes: bytes.len() }) } else { Ok(bytes) }
}
