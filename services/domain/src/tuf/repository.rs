//! A model's repository and how it changes: every change gives the files to publish, in the order in
//! which they must appear (targets, campaigns and documents, snapshot, tombstones, `timestamp.json` last),
//! so that a client that reads at any moment finds a consistent repository.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::cosign::Pending;
use super::documents::DocumentFile;
use super::metadata::{Metadata, Role, Root, Target, Targets};
use super::publish_error::PublishError;
use super::root::OnlineKeys;
use super::sign::parse_unverified;
use crate::document::CampaignDocument;
use crate::id::CampaignId;
use crate::uptane::{FILE, Uptane};

/// A published file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedFile {
    pub version: u64,
    pub expires: DateTime<Utc>,
    pub bytes: Vec<u8>,
}

/// All of a model's repository that is not an artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repository {
    /// All roots, by version.
    pub roots: BTreeMap<u64, Vec<u8>>,
    /// The newest file of each other role.
    pub files: BTreeMap<Role, SignedFile>,
    pub documents: Vec<DocumentFile>,
    /// What waits for another signature than ours.
    pub pending: Option<Pending>,
    /// The second view of it, for Uptane clients.
    pub uptane: Uptane,
}

/// What is to change.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Images to add to, or (`None`) to remove from, the top-level targets.
    pub targets: BTreeMap<String, Option<Target>>,
    /// Documents to publish, or (`None`) to remove.
    pub documents: BTreeMap<CampaignId, Option<CampaignDocument>>,
}

/// Files to publish in this order; `None` is a tombstone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Publication {
    pub files: Vec<(String, Option<Vec<u8>>)>,
}

impl Repository {
    /// Publishes a change.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publish(
        &mut self,
        keys: &OnlineKeys,
        change: Change,
        now: DateTime<Utc>,
    ) -> Result<Publication, PublishError> {
        let mut roles = self.due(now);
        if !change.targets.is_empty() {
            roles.push(Role::Targets);
        }
        if !change.documents.is_empty() {
            roles.push(Role::Campaigns);
        }
        roles.extend([Role::Snapshot, Role::Timestamp]);
        self.write(keys, change, &roles, now)
    }

    /// Renews what is past half of its life; `None` when nothing is.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn renew(&mut self, keys: &OnlineKeys, now: DateTime<Utc>) -> Result<Option<Publication>, PublishError> {
        let mut due = self.due(now);
        if due.is_empty() || self.roots.is_empty() {
            return Ok(None);
        }
        // The snapshot names the versions of what is above it, and the timestamp names the snapshot.
        if due.iter().any(|role| *role != Role::Timestamp) {
            due.push(Role::Snapshot);
        }
        due.push(Role::Timestamp);
        self.write(keys, Change::default(), &due, now).map(Some)
    }

    /// Everything a reader needs that starts from nothing, in order.
    #[must_use]
    pub fn republish(&self) -> Publication {
        let mut files: Vec<_> =
            self.roots.iter().map(|(version, bytes)| (Role::Root.file_name(*version), Some(bytes.clone()))).collect();
        let current =
            |role: Role| self.files.get(&role).map(|file| (role.file_name(file.version), Some(file.bytes.clone())));
        files.extend(current(Role::Targets));
        files.extend(self.documents.iter().map(|document| (document.file_name(), Some(document.bytes.clone()))));
        files.extend([Role::Campaigns, Role::Snapshot].into_iter().filter_map(current));
        files.extend(self.uptane.file.clone().map(|bytes| (FILE.to_owned(), Some(bytes))));
        files.extend(current(Role::Timestamp));
        Publication { files }
    }

    /// The images now among the top-level targets.
    ///
    /// # Errors
    /// [`PublishError::Stored`].
    pub fn targets(&self) -> Result<BTreeMap<String, Target>, PublishError> {
        Ok(self.body::<Targets>(Role::Targets)?.map(|body| body.targets).unwrap_or_default())
    }

    /// What a change of the targets begins with: those that wait for a signature, else the published ones.
    ///
    /// # Errors
    /// [`PublishError::Stored`].
    pub fn next_targets(&self) -> Result<BTreeMap<String, Target>, PublishError> {
        match &self.pending {
            Some(pending) => pending.targets(),
            None => self.targets(),
        }
    }

    /// The key ids of the role `campaigns`, as the published targets have them.
    pub(super) fn delegate(&self) -> Result<Vec<String>, PublishError> {
        Ok(self.body::<Targets>(Role::Targets)?.map(|body| body.campaigns_keys()).unwrap_or_default())
    }

    /// The ids of the keys whose signatures on files of `role` count now; none before there is a root.
    ///
    /// # Errors
    /// [`PublishError::Stored`].
    pub fn keys_in_force(&self, role: Role) -> Result<Vec<String>, PublishError> {
        if self.roots.is_empty() {
            return Ok(Vec::new());
        }
        match role {
            Role::Campaigns => self.delegate(),
            role => Ok(self.present_root()?.roles.remove(&role).map(|role| role.keyids).unwrap_or_default()),
        }
    }

    /// Whether a key is named by what is published or by what waits for a signature, so that destroying it would break off
    /// one or the other.
    ///
    /// # Errors
    /// [`PublishError::Stored`].
    pub fn needs_key(&self, key_id: &str) -> Result<bool, PublishError> {
        let waiting = self.pending.as_ref().and_then(|pending| pending.root.as_ref());
        let mut named = self.delegate()?;
        if let Some(pending) = &self.pending {
            named.extend(pending.delegate()?);
        }
        let uptane =
            [&self.uptane.image, &self.uptane.director].into_iter().filter_map(|roots| roots.values().next_back());
        for root in self.roots.values().next_back().into_iter().chain(waiting).chain(uptane) {
            let root = parse_unverified::<Metadata<Root>>(root).map_err(PublishError::Stored)?.body;
            named.extend(root.roles.into_values().flat_map(|role| role.keyids));
        }
        Ok(named.iter().any(|id| id == key_id))
    }

    /// Lets the role `campaigns` go over to its newest key, which takes no new root: the targets name it. Where an
    /// approver signs targets, it takes the next signature. `None` when it was done or is under way.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn hand_over(&mut self, keys: &OnlineKeys, now: DateTime<Utc>) -> Result<Option<Publication>, PublishError> {
        let newest = keys.campaigns.id();
        let names = |delegate: &[String]| delegate.iter().any(|id| id == newest);
        let drafted = self.pending.as_ref().map(Pending::delegate).transpose()?;
        if self.roots.is_empty() || names(&self.delegate()?) || drafted.is_some_and(|delegate| names(&delegate)) {
            return Ok(None);
        }
        self.write(keys, Change::default(), &[Role::Targets, Role::Snapshot, Role::Timestamp], now).map(Some)
    }

    pub(super) fn present_root(&self) -> Result<Root, PublishError> {
        let bytes = self.roots.values().next_back().ok_or(PublishError::AwaitingRoot)?;
        parse_unverified::<Metadata<Root>>(bytes).map(|root| root.body).map_err(PublishError::Stored)
    }

    fn due(&self, now: DateTime<Utc>) -> Vec<Role> {
        // Targets that wait for a signature are not written anew under the hands of whoever signs them.
        let waiting = self.pending.as_ref().filter(|_| self.is_cosigned().unwrap_or(false));
        let file = |role: &Role| match waiting {
            Some(pending) if *role == Role::Targets => Some(&pending.targets),
            _ => self.files.get(role),
        };
        let past_half = |role: &Role| file(role).is_none_or(|file| file.expires - now <= role.lifetime() / 2);
        Role::ONLINE.into_iter().filter(past_half).collect()
    }

    fn body<T: DeserializeOwned>(&self, role: Role) -> Result<Option<T>, PublishError> {
        let Some(file) = self.files.get(&role) else {
            return Ok(None);
        };
        parse_unverified::<Metadata<T>>(&file.bytes).map(|metadata| Some(metadata.body)).map_err(PublishError::Stored)
    }
}
