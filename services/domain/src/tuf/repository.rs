//! A model's repository and how it changes: every change gives the files to publish, in the order in
//! which they must appear (targets, campaigns and documents, snapshot, tombstones, `timestamp.json` last),
//! so that a client that reads at any moment finds a consistent repository.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::cosign::Pending;
use super::documents::{DocumentFile, document_target};
use super::key::Key;
use super::metadata::{
    DelegatedRole, Delegations, FileMeta, Hashes, Metadata, Role, Root, Snapshot, Target, Targets, Timestamp,
};
use super::root::OnlineKeys;
use super::sign::{SignError, VerifyError, parse_unverified, sign};
use crate::document::CampaignDocument;
use crate::id::CampaignId;
use crate::uptane::{FILE, Uptane};

/// Versions of a file that stay readable; older ones get a tombstone. Roots stay for ever.
const KEPT_VERSIONS: u64 = 3;

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

#[derive(Debug, Error)]
pub enum PublishError {
    #[error("the model has no signed root yet: sign one with `otaru keys sign-root`")]
    AwaitingRoot,
    #[error("the root is version {got}, the next is {expected}")]
    RootVersion { got: u64, expected: u64 },
    #[error("the root does not let this model's {0} key alone sign for that role")]
    RootKeys(Role),
    #[error(
        "the key that vehicles expect of the role {0} is not here: restore the keys directory, or put a root without it"
    )]
    KeyMissing(Role),
    #[error("the root has expired or expires in less than a day")]
    RootExpired,
    #[error("the root must have consistent_snapshot true")]
    RootConsistentSnapshot,
    #[error("the root is not signed as it and its predecessor demand")]
    RootSignature(#[source] VerifyError),
    #[error("the repository's own file cannot be read")]
    Stored(#[source] VerifyError),
    #[error("the targets role asks for {threshold} signatures, and its keys cannot give as many beside ours")]
    RootThreshold { threshold: u32 },
    #[error("no targets of this model wait for a signature")]
    NothingToSign,
    #[error(
        "the targets that wait are not signed as the root demands: sign the present draft, with a key that the root names"
    )]
    TargetsSignature(#[source] VerifyError),
    #[error("the root that the targets wait with expires in less than a day: put another one")]
    PendingRootExpired,
    #[error("the metadata cannot be signed")]
    Sign(#[from] SignError),
    #[error("the document cannot be written")]
    Document(#[from] serde_json::Error),
    #[error(
        "a model whose targets need an approver's signature has no Uptane Image repository: nobody signs its view of them"
    )]
    UptaneCosigned,
    #[error("the {role} of the Uptane Image repository would have {bytes} bytes, and aktualizr reads {limit_bytes}")]
    UptaneTooLong { role: Role, bytes: usize, limit_bytes: usize },
}

impl PublishError {
    /// What is wrong with a root that is put is said to whoever puts it; under the present one a key of ours is lost.
    pub(crate) fn of_present_root(self) -> Self {
        match self {
            Self::RootKeys(role) => Self::KeyMissing(role),
            other => other,
        }
    }
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
    fn delegate(&self) -> Result<Vec<String>, PublishError> {
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

    fn present_root(&self) -> Result<Root, PublishError> {
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

    pub(super) fn write(
        &mut self,
        keys: &OnlineKeys,
        change: Change,
        roles: &[Role],
        now: DateTime<Utc>,
    ) -> Result<Publication, PublishError> {
        if self.roots.is_empty() {
            return Err(PublishError::AwaitingRoot);
        }
        let mut next = self.clone();
        let mut publication = Publication::default();
        let mut roles = roles.to_vec();
        let keys = &keys.under(&next.present_root()?).map_err(PublishError::of_present_root)?;
        if roles.contains(&Role::Targets) {
            if next.is_cosigned()? {
                next.draft_targets(keys, change.targets, now)?;
                roles.retain(|role| *role != Role::Targets);
            } else {
                // A root that waits changes nothing yet; what waited for a signature that nobody asks for any more is published.
                let root = next.pending.take_if(|pending| pending.root.is_some()).and_then(|pending| pending.root);
                let body = next.targets_with(keys, change.targets)?;
                next.pending = None;
                next.put(Role::Targets, &body, &keys.targets, now, &mut publication)?;
                if next.delegate()? != self.delegate()? {
                    roles.extend([Role::Campaigns, Role::Snapshot]);
                }
                if let Some(root) = root {
                    next.await_targets(&root, keys, now)?;
                }
            }
        }
        next.complete(keys, change.documents, &roles, now, &mut publication)?;
        *self = next;
        Ok(publication)
    }

    /// The next targets: those that wait for a signature, else the present ones, changed.
    pub(super) fn targets_with(
        &self,
        keys: &OnlineKeys,
        changes: BTreeMap<String, Option<Target>>,
    ) -> Result<Targets, PublishError> {
        let mut targets = self.next_targets()?;
        for (name, target) in changes {
            match target {
                Some(target) => targets.insert(name, target),
                None => targets.remove(&name),
            };
        }
        Ok(Targets { targets, delegations: Some(delegations(&keys.campaigns)) })
    }

    /// Writes what follows the targets: of `roles` those below them, and always the timestamp.
    pub(super) fn complete(
        &mut self,
        keys: &OnlineKeys,
        documents: BTreeMap<CampaignId, Option<CampaignDocument>>,
        roles: &[Role],
        now: DateTime<Utc>,
        publication: &mut Publication,
    ) -> Result<(), PublishError> {
        if roles.contains(&Role::Campaigns) {
            self.put_documents(documents, publication)?;
            let targets = self.documents.iter().filter(|document| document.dropped_in.is_none());
            let targets = targets.map(|document| (document.name.clone(), document_target(document))).collect();
            let delegate = self.delegate()?;
            let key = keys.named(Role::Campaigns, &delegate).ok_or(PublishError::KeyMissing(Role::Campaigns))?;
            self.put(Role::Campaigns, &Targets { targets, delegations: None }, key, now, publication)?;
        }
        if roles.contains(&Role::Snapshot) {
            let entries = [Role::Targets, Role::Campaigns]
                .into_iter()
                .filter_map(|role| self.files.get(&role).map(|file| (role, file)));
            let meta = entries.map(|(role, file)| (format!("{role}.json"), file_meta(file))).collect();
            self.put(Role::Snapshot, &Snapshot { meta }, &keys.snapshot, now, publication)?;
        }
        self.bury(roles, publication);
        let meta = self
            .files
            .get(&Role::Snapshot)
            .map(|file| ("snapshot.json".to_owned(), file_meta(file)))
            .into_iter()
            .collect();
        self.put(Role::Timestamp, &Timestamp { meta }, &keys.timestamp, now, publication)?;
        if let Some(file) = self.publish_uptane(keys)? {
            // The timestamp stays last.
            publication.files.insert(publication.files.len() - 1, file);
        }
        Ok(())
    }

    fn put(
        &mut self,
        role: Role,
        body: &impl Serialize,
        key: &Key,
        now: DateTime<Utc>,
        publication: &mut Publication,
    ) -> Result<(), PublishError> {
        let version = self.files.get(&role).map_or(0, |file| file.version) + 1;
        let metadata = Metadata::new(role, version, now, body);
        let expires = metadata.expires;
        let bytes = sign(&metadata, &[key])?;
        publication.files.push((role.file_name(version), Some(bytes.clone())));
        self.files.insert(role, SignedFile { version, expires, bytes });
        Ok(())
    }

    /// Tombstones for what no reader needs any more.
    fn bury(&mut self, roles: &[Role], publication: &mut Publication) {
        for role in [Role::Targets, Role::Campaigns, Role::Snapshot] {
            let version = self.files.get(&role).map_or(0, |file| file.version);
            if roles.contains(&role) && version > KEPT_VERSIONS {
                publication.files.push((role.file_name(version - KEPT_VERSIONS), None));
            }
        }
        let campaigns = self.files.get(&Role::Campaigns).map_or(0, |file| file.version);
        let (old, kept) = std::mem::take(&mut self.documents)
            .into_iter()
            .partition(|document| document.dropped_in.is_some_and(|version| version + KEPT_VERSIONS <= campaigns + 1));
        self.documents = kept;
        let old: Vec<DocumentFile> = old;
        publication.files.extend(old.into_iter().map(|document| (document.file_name(), None)));
    }
}

fn delegations(key: &Key) -> Delegations {
    Delegations {
        keys: [(key.id().to_owned(), key.public().clone())].into(),
        roles: vec![DelegatedRole {
            name: Role::Campaigns.to_string(),
            keyids: vec![key.id().to_owned()],
            threshold: 1,
            terminating: true,
            paths: vec!["campaign-*.json".to_owned()],
        }],
    }
}

fn file_meta(file: &SignedFile) -> FileMeta {
    FileMeta {
        version: file.version,
        length: Some(file.bytes.len() as u64),
        hashes: Some(Hashes { sha256: hex::encode(Sha256::digest(&file.bytes)) }),
    }
}
