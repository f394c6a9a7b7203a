//! The Image repository: the model's targets, snapshot and timestamp in this dialect, with the versions and the lives
//! that they have in the TUF repository. It is a function of that repository and of keys whose signatures are always the
//! same, so there is nothing to keep, and what is renewed there is renewed here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::envelope::sign;
use super::root::capital;
use crate::id::HardwareId;
use crate::tuf::{
    FileMeta, Hashes, Key, Metadata, OnlineKeys, PublishError, Repository, Role, SignedFile, Snapshot, Targets,
    Timestamp, parse_unverified,
};

/// aktualizr reads no more of a root, a snapshot and a timestamp.
pub(super) const MAX_SMALL_BYTES: usize = 64 << 10;
/// aktualizr reads no more of targets.
pub(super) const MAX_TARGETS_BYTES: usize = 8 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ImageTargets {
    targets: BTreeMap<String, ImageTarget>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ImageTarget {
    length: u64,
    hashes: Hashes,
    custom: ImageCustom,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageCustom {
    hardware_ids: Vec<HardwareId>,
    release_counter: u64,
    target_format: String,
    version: String,
}

/// The signed files of an Image repository but its roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageFiles {
    pub targets: Vec<u8>,
    pub snapshot: Vec<u8>,
    pub timestamp: Vec<u8>,
}

pub(super) fn files(repository: &Repository, keys: &OnlineKeys) -> Result<ImageFiles, PublishError> {
    let key = |role: Role| keys.of(role).ok_or(PublishError::RootKeys(role));
    let source = source(repository, Role::Targets)?;
    let known: Metadata<Targets> = parse_unverified(&source.bytes).map_err(PublishError::Stored)?;
    let targets = known.body.targets.into_iter().filter_map(|(name, target)| {
        // A delta is no image: whoever speaks this dialect fetches the whole one. What is encrypted nobody here decrypts.
        let custom = target.custom.filter(|custom| custom.delta.is_none() && custom.encryption.is_none())?;
        let custom = ImageCustom {
            hardware_ids: custom.hardware_ids,
            release_counter: custom.release_counter,
            target_format: "BINARY".to_owned(),
            version: custom.version,
        };
        Some((name, ImageTarget { length: target.length, hashes: target.hashes, custom }))
    });
    let body = ImageTargets { targets: targets.collect() };
    let targets = file(Role::Targets, source, body, key(Role::Targets)?, MAX_TARGETS_BYTES)?;
    let entry =
        FileMeta { version: source.version, length: Some(targets.len() as u64), hashes: Some(hashes(&targets)) };
    let body = Snapshot { meta: [("targets.json".to_owned(), entry)].into() };
    let source = self::source(repository, Role::Snapshot)?;
    let snapshot = file(Role::Snapshot, source, body, key(Role::Snapshot)?, MAX_SMALL_BYTES)?;
    let body = Timestamp { meta: snapshot_meta(source.version, &snapshot) };
    let source = self::source(repository, Role::Timestamp)?;
    let timestamp = file(Role::Timestamp, source, body, key(Role::Timestamp)?, MAX_SMALL_BYTES)?;
    Ok(ImageFiles { targets, snapshot, timestamp })
}

pub(super) fn hashes(bytes: &[u8]) -> Hashes {
    Hashes { sha256: hex::encode(Sha256::digest(bytes)) }
}

/// What a timestamp says of the snapshot. aktualizr wants all three.
pub(super) fn snapshot_meta(version: u64, snapshot: &[u8]) -> BTreeMap<String, FileMeta> {
    let entry = FileMeta { version, length: Some(snapshot.len() as u64), hashes: Some(hashes(snapshot)) };
    [("snapshot.json".to_owned(), entry)].into()
}

fn source(repository: &Repository, role: Role) -> Result<&SignedFile, PublishError> {
    repository.files.get(&role).ok_or(PublishError::AwaitingRoot)
}

fn file<T: Serialize>(
    role: Role,
    source: &SignedFile,
    body: T,
    key: &Key,
    limit_bytes: usize,
) -> Result<Vec<u8>, PublishError> {
    let mut metadata = capital(Metadata::new(role, source.version, source.expires, body));
    metadata.expires = source.expires;
    let bytes = sign(&metadata, &[key])?;
    if bytes.len() > limit_bytes {
        return Err(PublishError::UptaneTooLong { role, bytes: bytes.len(), limit_bytes });
    }
    Ok(bytes)
}
