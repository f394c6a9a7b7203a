//! A second signature on the targets: where the root asks for more than ours, what is to be installed is drafted and
//! signed by us, and waits for a person who signs it with a key that no server has. Until then the repository stays as
//! it is, so whoever takes the server over can install nothing new.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::metadata::{Metadata, Role, Root, Target, Targets};
use super::publish_error::PublishError;
use super::repository::{Change, Publication, Repository, SignedFile};
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

    /// The key ids of the role `campaigns`, as these targets have them.
    pub(super) fn delegate(&self) -> Result<Vec<String>, PublishError> {
        parse_unverified::<Metadata<Targets>>(&self.targets.bytes)
            .map(|metadata| metadata.body.campaigns_keys())
            .map_err(PublishError::Stored)
    }
}

/// How many signatures the root wants on targets.
fn threshold(root: &Root) -> u32 {
    root.roles.get(&Role::Targets).map_or(1, |role| role.threshold)
}

impl Repository {
    /// Whether targets need another signature than ours, by the present root.
    pub(crate) fn is_cosigned(&self) -> Result<bool, PublishError> {
        let Some(bytes) = self.roots.values().next_back() else { return Ok(false) };
        let root: Metadata<Root> = parse_unverified(bytes).map_err(PublishError::Stored)?;
        Ok(threshold(&root.body) > 1)
    }

    /// Whether the published targets are signed as `root` demands.
    pub(super) fn has_targets_under(&self, root: &Root) -> bool {
        let (Some(file), Some(role)) = (self.files.get(&Role::Targets), root.roles.get(&Role::Targets)) else {
            return false;
        };
        verify::<Metadata<Targets>>(&file.bytes, &root.keys, &role.keyids, role.threshold).is_ok()
    }

    /// Drafts the next targets, with what waits already; who signed an earlier draft signs this one anew.
    pub(super) fn draft_targets(
        &mut self,
        keys: &OnlineKeys,
        changes: BTreeMap<String, Option<Target>>,
        now: DateTime<Utc>,
    ) -> Result<(), PublishError> {
        let root = self.pending.as_ref().and_then(|pending| pending.root.clone());
        self.draft_under(root, keys, changes, now)
    }

    fn draft_under(
        &mut self,
        root: Option<Vec<u8>>,
        keys: &OnlineKeys,
        changes: BTreeMap<String, Option<Target>>,
        now: DateTime<Utc>,
    ) -> Result<(), PublishError> {
        // A root that is published with them may name another key of ours than the present one.
        let keys = &match root.as_deref().map(parse_unverified::<Metadata<Root>>) {
            Some(root) => keys.under(&root.map_err(PublishError::Stored)?.body)?,
            None => keys.clone(),
        };
        let body = self.targets_with(keys, changes)?;
        let version = self.files.get(&Role::Targets).map_or(0, |file| file.version) + 1;
        let metadata = Metadata::new(Role::Targets, version, now, &body);
        let targets = SignedFile { version, expires: metadata.expires, bytes: sign(&metadata, &[&keys.targets])? };
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
        self.draft_under(Some(root.to_vec()), keys, BTreeMap::new(), now)
    }

    /// Publishes a root under which the published targets go on: nothing that is signed offline has to be signed anew, so
    /// a key that was stolen is out of use at once.
    pub(super) fn replace_root(
        &mut self,
        bytes: &[u8],
        root: &Metadata<Root>,
        keys: &OnlineKeys,
        now: DateTime<Utc>,
    ) -> Result<Publication, PublishError> {
        self.roots.insert(root.version, bytes.to_vec());
        if self.pending.is_some() {
            // It may have been drafted for a root that this one overtakes, or under another key of ours.
            self.draft_under(None, keys, BTreeMap::new(), now)?;
        }
        let mut publication = Publication { files: vec![(Role::Root.file_name(root.version), Some(bytes.to_vec()))] };
        let roles = [Role::Campaigns, Role::Snapshot, Role::Timestamp];
        self.complete(keys, Change::default().documents, &roles, now, &mut publication)?;
        Ok(publication)
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
        let keys = &keys.under(&root.body)?;
        let role = root.body.roles.get(&Role::Targets).ok_or(PublishError::RootKeys(Role::Targets))?;
        let bytes = countersign(&pending.targets.bytes, signed, &root.body.keys, &role.keyids)
            .map_err(PublishError::TargetsSignature)?;
        verify::<Metadata<Targets>>(&bytes, &root.body.keys, &role.keyids, role.threshold)
            .map_err(PublishError::TargetsSignature)?;
        let mut publication = Publication::default();
        // The targets may delegate to another key than those before.
        let roles = [Role::Targets, Role::Campaigns, Role::Snapshot, Role::Timestamp];
        if let Some(bytes) = pending.root {
            publication.files.push((Role::Root.file_name(root.version), Some(bytes.clone())));
            next.roots.insert(root.version, bytes);
        }
        let SignedFile { version, expires, .. } = pending.targets;
        publication.files.push((Role::Targets.file_name(version), Some(bytes.clone())));
        next.files.insert(Role::Targets, SignedFile { version, expires, bytes });
        next.complete(keys, Change::default().documents, &roles, now, &mut publication)?;
        *self = next;
        Ok(publication)
    }
}
