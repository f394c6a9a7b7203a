//! How the files of a change are written: from the targets down to the timestamp, each naming what is below it, and tombstones
//! for what no reader needs any more.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::documents::{DocumentFile, document_target};
use super::key::Key;
use super::metadata::{
    DelegatedRole, Delegations, FileMeta, Hashes, Metadata, Role, Snapshot, Target, Targets, Timestamp,
};
use super::publish_error::PublishError;
use super::repository::{Change, Publication, Repository, SignedFile};
use super::root::OnlineKeys;
use super::sign::sign;
use crate::document::CampaignDocument;
use crate::id::CampaignId;

/// Versions of a file that stay readable; older ones get a tombstone. Roots stay for ever.
const KEPT_VERSIONS: u64 = 3;

impl Repository {
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
