//! A second signature on the targets: where the root asks for more than ours, what is to be installed is drafted and
//! signed by us, and waits for a person who signs it with a key that no server has. Until then the repository stays as
//! it is, so whoever takes the server over can install nothing new.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::metadata::{Metadata, Role, Root, Target, Targets};
use super::repository::{Change, Publication, PublishError, Repository, SignedFile};
use super::root::OnlineKeys;
use super::sign::{countersign, parse_unverified, sign, verify};

/// What waits for another signature than ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The root that asks for it and is published with it; none when the present one does.
    pub root: Option<Vec<u8>>,
    /// The next targets, signed by us.
    pub targets: SignedFile,
}

impl Pending {
    pub(super) fn targets(&self) -> Result<BTreeMap<String, Target>, PublishError> {
        parse_unverified::<Metadata<Targets>>(&self.targets.bytes)
            .map(|metadata| metadata.body.targets)
            .map_err(PublishError::Stored)
    }
}

/// How many signatures the root wants on targets.
fn threshold(root: &Root) -> u32 {
    root.roles.get(&Role::Targets).map_or(1, |role| role.threshold)
}

impl Repository {
    /// Whether targets need another signature than ours, by the present root.
    pub(super) fn is_cosigned(&self) -> Result<bool, PublishError> {
        let Some(bytes) = self.roots.values().next_back() else { return Ok(false) };
        let root: Metadata<Root> = parse_unverified(bytes).map_err(PublishError::Stored)?;
        Ok(threshold(&root.body) > 1)
    }

    /// Drafts the next targets, with what waits already; who signed an earlier draft signs this one anew.
    pub(super) fn draft_targets(
        &mut self,
        keys: &OnlineKeys,
        changes: BTreeMap<String, Option<Target>>,
        now: DateTime<Utc>,
    ) -> Result<(), PublishError> {
        let body = self.targets_with(keys, changes)?;
        let version = self.files.get(&Role::Targets).map_or(0, |file| file.version) + 1;
        let metadata = Metadata::new(Role::Targets, version, now, &body);
        let targets = SignedFile { version, expires: metadata.expires, bytes: sign(&metadata, &[&keys.targets])? };
        let root = self.pending.take().and_then(|pending| pending.root);
        self.pending = Some(Pending { root, targets });
        Ok(())
    }

    /// Keeps a verified root until the targets have the signatures that it asks for: published alone, it would have every
    /// vehicle refuse the present ones.
    pub(super) fn await_targets(
        &mut self,
        root: &[u8],
        keys: &OnlineKeys,
        now: DateTime<Utc>,
    ) -> Result<(), PublishError> {
        self.draft_targets(keys, BTreeMap::new(), now)?;
        if let Some(pending) = &mut self.pending {
            pending.root = Some(root.to_vec());
        }
        Ok(())
    }

    /// Takes the signatures of `signed` on the targets that wait, and publishes them when they are enough, with the root
    /// that asked for them.
    ///
    /// # Errors
    /// [`PublishError`]; the repository stays as it was.
    pub fn cosign(
        &mut self,
        signed: &[u8],
        keys: &OnlineKeys,
        now: DateTime<Utc>,
    ) -> Result<Publication, PublishError> {
        let mut next = self.clone();
        let pending = next.pending.take().ok_or(PublishError::NothingToSign)?;
        let root =
            pending.root.as_ref().or_else(|| self.roots.values().next_back()).ok_or(PublishError::AwaitingRoot)?;
        let root: Metadata<Root> = parse_unverified(root).map_err(PublishError::Stored)?;
        if root.expires <= now + TimeDelta::days(1) {
            return Err(PublishError::PendingRootExpired);
        }
        let role = root.body.roles.get(&Role::Targets).ok_or(PublishError::RootKeys(Role::Targets))?;
        let bytes = countersign(&pending.targets.bytes, signed, &root.body.keys, &role.keyids)
            .map_err(PublishError::TargetsSignature)?;
        verify::<Metadata<Targets>>(&bytes, &root.body.keys, &role.keyids, role.threshold)
            .map_err(PublishError::TargetsSignature)?;
        let mut publication = Publication::default();
        let mut roles = vec![Role::Targets, Role::Snapshot, Role::Timestamp];
        if let Some(bytes) = pending.root {
            publication.files.push((Role::Root.file_name(root.version), Some(bytes.clone())));
            next.roots.insert(root.version, bytes);
            roles.push(Role::Campaigns);
        }
        let SignedFile { version, expires, .. } = pending.targets;
        publication.files.push((Role::Targets.file_name(version), Some(bytes.clone())));
        next.files.insert(Role::Targets, SignedFile { version, expires, bytes });
        next.complete(keys, Change::default().documents, &roles, now, &mut publication)?;
        *self = next;
        Ok(publication)
    }
}
