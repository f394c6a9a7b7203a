//! What the roles say, as far as a client acts on it. Fields that are unknown here are signed all the same.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha512};

use super::TufError;
use super::delegation::Delegations;
use super::envelope::File;
use super::keys::{Keys, Signers};

/// The roles that root speaks of.
const TOP_LEVEL: [&str; 4] = ["root", "snapshot", "targets", "timestamp"];

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Root {
    #[serde(default)]
    pub(super) consistent_snapshot: bool,
    pub(super) keys: Keys,
    pub(super) roles: BTreeMap<String, Signers>,
}

impl Root {
    pub(super) fn signers(&self, role: &str) -> Option<&Signers> {
        self.roles.get(role)
    }

    /// Whether `other` has the same keys for a role.
    pub(super) fn same_signers(&self, role: &str, other: &Self) -> bool {
        match (self.signers(role), other.signers(role)) {
            (Some(mine), Some(others)) => mine.same(&self.keys, others, &other.keys),
            _ => false,
        }
    }

    /// Verifies a file of a top-level role.
    pub(super) fn verify<T>(&self, role: &str, file: &File<T>) -> Result<(), TufError> {
        let signers = self.signers(role).ok_or_else(|| file.malformed("root names no keys for it"))?;
        signers.verify(&self.keys, &file.name, &file.envelope)
    }
}

pub(super) fn root(bytes: &[u8]) -> Result<File<Root>, TufError> {
    let file: File<Root> = File::parse("root.json", "root", bytes)?;
    if !file.body.roles.keys().map(String::as_str).eq(TOP_LEVEL) {
        return Err(file.malformed("its roles are not root, snapshot, targets and timestamp"));
    }
    if !file.body.roles.values().all(Signers::is_valid) {
        return Err(file.malformed("a role lists a key twice"));
    }
    Ok(file)
}

/// What timestamp and snapshot say of another file.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Meta {
    pub(super) version: NonZeroU64,
    pub(super) length: Option<u64>,
    hashes: Option<BTreeMap<String, String>>,
}

impl Meta {
    /// 5.5.2 and 5.6.2: length and hashes, where they are listed.
    pub(super) fn check(&self, file: &str, bytes: &[u8]) -> Result<(), TufError> {
        if self.length.is_some_and(|length| bytes.len() as u64 > length) {
            return Err(TufError::Length { file: file.to_owned() });
        }
        match &self.hashes {
            Some(hashes) => check_hashes(file, hashes, bytes),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Timestamp {
    meta: BTreeMap<String, Meta>,
}

impl Timestamp {
    pub(super) fn snapshot(&self) -> Option<&Meta> {
        self.meta.get("snapshot.json")
    }
}

pub(super) fn timestamp(bytes: &[u8]) -> Result<File<Timestamp>, TufError> {
    let file: File<Timestamp> = File::parse("timestamp.json", "timestamp", bytes)?;
    if file.body.meta.len() == 1 && file.body.snapshot().is_some() {
        Ok(file)
    } else {
        Err(file.malformed("it does not speak of snapshot.json alone"))
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Snapshot {
    pub(super) meta: BTreeMap<String, Meta>,
}

pub(super) fn snapshot(bytes: &[u8]) -> Result<File<Snapshot>, TufError> {
    let file: File<Snapshot> = File::parse("snapshot.json", "snapshot", bytes)?;
    if file.body.meta.contains_key("targets.json") {
        Ok(file)
    } else {
        Err(file.malformed("it does not list targets.json"))
    }
}

/// What a role says of a target.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Target {
    /// Bytes.
    pub(crate) length: u64,
    pub(crate) hashes: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) custom: Value,
}

impl Target {
    /// 5.7.3: the length and every hash.
    pub(super) fn check(&self, name: &str, bytes: &[u8]) -> Result<(), TufError> {
        if bytes.len() as u64 != self.length {
            return Err(TufError::Length { file: name.to_owned() });
        }
        check_hashes(name, &self.hashes, bytes)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Targets {
    pub(crate) targets: BTreeMap<String, Target>,
    pub(super) delegations: Option<Delegations>,
}

pub(super) fn targets(name: &str, bytes: &[u8]) -> Result<File<Targets>, TufError> {
    let file: File<Targets> = File::parse(name, "targets", bytes)?;
    match file.body.delegations.as_ref().map(Delegations::check) {
        Some(Err(reason)) => Err(file.malformed(reason)),
        _ => Ok(file),
    }
}

/// Every hash that is listed must be right, and one must be of a kind that is known.
fn check_hashes(file: &str, hashes: &BTreeMap<String, String>, bytes: &[u8]) -> Result<(), TufError> {
    let mut checked = 0;
    for (algorithm, expected) in hashes {
        let found = match algorithm.as_str() {
            "sha256" => hex::encode(Sha256::digest(bytes)),
            "sha512" => hex::encode(Sha512::digest(bytes)),
            _ => continue,
        };
        if !found.eq_ignore_ascii_case(expected) {
            return Err(TufError::Hash { file: file.to_owned() });
        }
        checked += 1;
    }
    if checked > 0 { Ok(()) } else { Err(TufError::Hash { file: file.to_owned() }) }
}
