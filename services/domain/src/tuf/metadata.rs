//! The signed parts of the five kinds of metadata (TUF 1.0.31, section 4), as structs.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};

use super::key::PublicKey;
use crate::id::{HardwareId, ReleaseId};
use crate::requirement::Requirement;

pub const SPEC_VERSION: &str = "1.0.31";

/// A role of a model's repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Root,
    Targets,
    /// Delegated by `targets`: the campaign documents.
    Campaigns,
    Snapshot,
    Timestamp,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Root, Self::Targets, Self::Campaigns, Self::Snapshot, Self::Timestamp];
    /// The roles whose keys the campaign service holds.
    pub const ONLINE: [Self; 4] = [Self::Targets, Self::Campaigns, Self::Snapshot, Self::Timestamp];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Campaigns => "campaigns",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// The name of the role's file at `version`, with consistent snapshots (section 6.1).
    #[must_use]
    pub fn file_name(self, version: u64) -> String {
        match self {
            Self::Timestamp => "timestamp.json".to_owned(),
            role => format!("{version}.{role}.json"),
        }
    }

    /// How long a new file of the role is good for. It is renewed at half of it.
    #[must_use]
    pub fn lifetime(self) -> chrono::TimeDelta {
        chrono::TimeDelta::days(match self {
            Self::Root => 365,
            Self::Targets => 90,
            Self::Campaigns | Self::Snapshot => 7,
            Self::Timestamp => 1,
        })
    }

    /// From how long before its end somebody should look after a file of the role. People have to meet for a root; the
    /// others are renewed by themselves, or when an approver signs, long before this.
    #[must_use]
    pub fn warn_before(self) -> chrono::TimeDelta {
        match self {
            Self::Root => chrono::TimeDelta::days(30),
            role => role.lifetime() / 4,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `expires` is written exactly as `YYYY-MM-DDTHH:MM:SSZ`.
mod seconds {
    use chrono::{DateTime, NaiveDateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    const FORMAT: &str = "%Y-%m-%dT%H:%M:%SZ";

    pub fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&at.format(FORMAT))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(deserializer)?;
        NaiveDateTime::parse_from_str(&text, FORMAT).map(|at| at.and_utc()).map_err(serde::de::Error::custom)
    }
}

/// The signed part of a file: what every role has, and what is the role's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata<T> {
    #[serde(rename = "_type")]
    pub kind: String,
    pub spec_version: String,
    pub version: u64,
    #[serde(with = "seconds")]
    pub expires: DateTime<Utc>,
    #[serde(flatten)]
    pub body: T,
}

impl<T> Metadata<T> {
    #[must_use]
    pub fn new(role: Role, version: u64, now: DateTime<Utc>, body: T) -> Self {
        // A delegated role's file is of the type "targets" (section 4.5).
        let kind = if role == Role::Campaigns { Role::Targets } else { role };
        Self {
            kind: kind.as_str().to_owned(),
            spec_version: SPEC_VERSION.to_owned(),
            version,
            expires: (now + role.lifetime()).trunc_subsecs(0),
            body,
        }
    }
}

/// The keys of a role, and how many of them must sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKeys {
    pub keyids: Vec<String>,
    pub threshold: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    pub consistent_snapshot: bool,
    pub keys: BTreeMap<String, PublicKey>,
    /// python-tuf takes exactly the four top-level roles.
    pub roles: BTreeMap<Role, RoleKeys>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashes {
    pub sha256: String,
}

/// What is known of a metadata file in the file above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMeta {
    pub version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashes: Option<Hashes>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub meta: BTreeMap<String, FileMeta>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamp {
    pub meta: BTreeMap<String, FileMeta>,
}

/// What Otaru says of a firmware image beside its length and hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetCustom {
    #[serde(rename = "hardwareIds")]
    pub hardware_ids: Vec<HardwareId>,
    /// Rises with every release of a hardware id: a vehicle refuses a lower one (Uptane 2.1.0, 5.4.4.6).
    #[serde(rename = "releaseCounter")]
    pub release_counter: u64,
    pub version: String,
    pub release: ReleaseId,
    /// What must run on the vehicle's ECUs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requirement>,
    /// That it is no image, but a way to one. It has no hardware ids then, so that nobody installs it, whether they know of
    /// deltas or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<TargetDelta>,
    /// That it is the ciphertext of an image. It has no hardware ids then, so that nobody installs it who does not decrypt it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<TargetEncryption>,
}

impl TargetCustom {
    /// The ECUs that it is an image for, as it is or once it is decrypted.
    #[must_use]
    pub fn installs_on(&self) -> &[HardwareId] {
        self.encryption.as_ref().map_or(&self.hardware_ids, |encryption| &encryption.hardware_ids)
    }
}

/// What a ciphertext is of. The scheme is text: a reader that does not know it yet reads the other targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetEncryption {
    /// See `otaru_domain::age::SCHEME`.
    pub scheme: String,
    /// Of what is decrypted.
    pub sha256: String,
    pub length: u64,
    #[serde(rename = "hardwareIds")]
    pub hardware_ids: Vec<HardwareId>,
}

/// How an image of the same targets is made. As text: a reader that does not know an algorithm yet reads the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetDelta {
    /// See `otaru_domain::delta::Algorithm`.
    pub algorithm: String,
    /// The name of the image among these targets, which has the length and hash of the result.
    pub image: String,
    /// What it is applied to; without it, to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_sha256: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub length: u64,
    pub hashes: Hashes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<TargetCustom>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedRole {
    pub name: String,
    pub keyids: Vec<String>,
    pub threshold: u32,
    pub terminating: bool,
    pub paths: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegations {
    pub keys: BTreeMap<String, PublicKey>,
    pub roles: Vec<DelegatedRole>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    pub targets: BTreeMap<String, Target>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegations: Option<Delegations>,
}

impl Targets {
    /// The key ids that the role `campaigns` is delegated to.
    #[must_use]
    pub fn campaigns_keys(&self) -> Vec<String> {
        let roles = self.delegations.iter().flat_map(|delegations| &delegations.roles);
        let mut campaigns = roles.filter(|role| role.name == Role::Campaigns.as_str());
        campaigns.next().map(|role| role.keyids.clone()).unwrap_or_default()
    }
}
