//! The roots of a model's two Uptane repositories, Image and Director. They are signed offline, like the TUF root, and
//! taken in only when vehicles will accept them. The Image root names the model's own keys; the Director's keys are known
//! here by their public halves alone.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::envelope::verify;
use crate::tuf::{
    Metadata, OnlineKeys, PublicKey, Publication, PublishError, Repository, Role, RoleKeys, Root, VerifyError,
};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UptaneRepository)]
pub enum RepositoryName {
    /// Which images exist.
    Image,
    /// What one vehicle shall install.
    Director,
}

impl RepositoryName {
    pub const ALL: [Self; 2] = [Self::Image, Self::Director];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Director => "director",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// The signed roots of both, by version, and what was published of them last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uptane {
    pub image: BTreeMap<u64, Vec<u8>>,
    pub director: BTreeMap<u64, Vec<u8>>,
    /// The file in the model's topic, see [`super::Published`].
    pub file: Option<Vec<u8>>,
}

impl Uptane {
    #[must_use]
    pub fn roots(&self, name: RepositoryName) -> &BTreeMap<u64, Vec<u8>> {
        match name {
            RepositoryName::Image => &self.image,
            RepositoryName::Director => &self.director,
        }
    }

    /// The signed root that is in force.
    ///
    /// # Errors
    /// [`PublishError::Stored`].
    pub fn present(&self, name: RepositoryName) -> Result<Option<Metadata<Root>>, PublishError> {
        let newest = self.roots(name).values().next_back();
        newest.map(|bytes| parse(bytes).map_err(PublishError::Stored)).transpose()
    }

    #[must_use]
    pub fn version(&self, name: RepositoryName) -> u64 {
        self.roots(name).keys().next_back().copied().unwrap_or(0)
    }
}

/// The keys that a Director signs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorPublicKeys {
    pub targets: PublicKey,
    pub snapshot: PublicKey,
    pub timestamp: PublicKey,
}

impl DirectorPublicKeys {
    /// The Director's next root, to be signed by the root keys.
    #[must_use]
    pub fn root(&self, root_keys: &[PublicKey], threshold: u32, version: u64, now: DateTime<Utc>) -> Metadata<Root> {
        let online = [(Role::Targets, &self.targets), (Role::Snapshot, &self.snapshot)];
        let online = online.into_iter().chain([(Role::Timestamp, &self.timestamp)]);
        let mut keys: BTreeMap<_, _> = root_keys.iter().map(|key| (key.id(), key.clone())).collect();
        let root_ids = root_keys.iter().map(PublicKey::id).collect();
        let mut roles = BTreeMap::from([(Role::Root, RoleKeys { keyids: root_ids, threshold })]);
        for (role, key) in online {
            keys.insert(key.id(), key.clone());
            roles.insert(role, RoleKeys { keyids: vec![key.id()], threshold: 1 });
        }
        capital(Metadata::new(Role::Root, version, now, Root { consistent_snapshot: false, keys, roles }))
    }
}

impl OnlineKeys {
    /// The Image repository's next root, which gives these keys their roles there.
    #[must_use]
    pub fn image_root(
        &self,
        root_keys: &[PublicKey],
        threshold: u32,
        version: u64,
        now: DateTime<Utc>,
    ) -> Metadata<Root> {
        let mut root = self.root(root_keys, threshold, &[], version, now);
        root.body.consistent_snapshot = false;
        capital(root)
    }
}

/// As this dialect writes the type of a file.
pub(super) fn capital<T>(mut metadata: Metadata<T>) -> Metadata<T> {
    let mut letters = metadata.kind.chars();
    metadata.kind = letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    metadata
}

fn parse(bytes: &[u8]) -> Result<Metadata<Root>, VerifyError> {
    crate::tuf::parse_unverified(bytes)
}

impl Repository {
    /// Takes a signed root of one of the Uptane repositories in, the first or the successor of the present one, and
    /// publishes both anew.
    ///
    /// # Errors
    /// [`PublishError`] naming what the root lacks; the repository stays as it was.
    pub fn accept_uptane_root(
        &mut self,
        name: RepositoryName,
        bytes: &[u8],
        keys: &OnlineKeys,
        now: DateTime<Utc>,
    ) -> Result<Publication, PublishError> {
        let claimed = parse(bytes).map_err(PublishError::RootSignature)?;
        let expected = self.uptane.version(name) + 1;
        if claimed.version != expected {
            return Err(PublishError::RootVersion { got: claimed.version, expected });
        }
        if let Some(before) = self.uptane.present(name)? {
            verified(bytes, &before.body)?;
        }
        verified(bytes, &claimed.body)?;
        check_shape(&claimed)?;
        if claimed.expires <= now + TimeDelta::days(1) {
            return Err(PublishError::RootExpired);
        }
        if name == RepositoryName::Image {
            if self.is_cosigned()? {
                return Err(PublishError::UptaneCosigned);
            }
            check_keys(&claimed.body, keys)?;
        }
        let mut next = self.clone();
        match name {
            RepositoryName::Image => next.uptane.image.insert(expected, bytes.to_vec()),
            RepositoryName::Director => next.uptane.director.insert(expected, bytes.to_vec()),
        };
        let publication = Publication { files: next.publish_uptane(keys)?.into_iter().collect() };
        *self = next;
        Ok(publication)
    }
}

fn verified(bytes: &[u8], by: &Root) -> Result<(), PublishError> {
    let missing = || PublishError::RootSignature(VerifyError::Parse("the root role is missing".into()));
    let role = by.roles.get(&Role::Root).ok_or_else(missing)?;
    verify::<Metadata<Root>>(bytes, &by.keys, &role.keyids, role.threshold)
        .map(|_| ())
        .map_err(PublishError::RootSignature)
}

fn check_shape(root: &Metadata<Root>) -> Result<(), PublishError> {
    let malformed = |what: &str| Err(PublishError::RootSignature(VerifyError::Parse(what.to_owned())));
    if root.kind != "Root" {
        return malformed("its _type must be \"Root\"");
    }
    if !root.body.roles.keys().eq(&[Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp]) {
        return malformed("its roles must be root, targets, snapshot and timestamp");
    }
    if root.body.keys.iter().any(|(id, key)| *id != key.id()) {
        return malformed("each of its keys must stand under its own key id");
    }
    let alone = |role: &RoleKeys| role.threshold == 1 && role.keyids.iter().any(|id| root.body.keys.contains_key(id));
    if !root.body.roles.iter().all(|(role, keys)| *role == Role::Root || alone(keys)) {
        return malformed("targets, snapshot and timestamp must each be for one online key to sign");
    }
    Ok(())
}

/// Each online role of the Image repository must be ours to sign.
fn check_keys(root: &Root, keys: &OnlineKeys) -> Result<(), PublishError> {
    for role in [Role::Targets, Role::Snapshot, Role::Timestamp] {
        let entry = root.roles.get(&role).ok_or(PublishError::RootKeys(role))?;
        let key = keys.named(role, &entry.keyids).ok_or(PublishError::RootKeys(role))?;
        if root.keys.get(key.id()) != Some(key.public()) {
            return Err(PublishError::RootKeys(role));
        }
    }
    Ok(())
}
