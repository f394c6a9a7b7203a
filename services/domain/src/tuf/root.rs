//! A model's root: which keys count, and for what. Everything a vehicle trusts hangs on it, so a root is
//! taken in only when every client will accept it and when the keys we hold can sign all that follows.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::key::{Key, PublicKey};
use super::metadata::{Metadata, Role, RoleKeys, Root};
use super::publish_error::PublishError;
use super::repository::{Change, Publication, Repository};
use super::sign::{VerifyError, parse_unverified, verify};

/// The online keys of one model. No other model has any of them. Which of them sign is not said here but by the root
/// that is in force, so that a rotation takes place at one moment: when a new root is taken in.
#[derive(Debug, Clone)]
pub struct OnlineKeys {
    pub targets: Key,
    pub campaigns: Key,
    pub snapshot: Key,
    pub timestamp: Key,
    /// Keys that those above are to follow, newest first: they sign for as long as the root, or the targets for the
    /// role `campaigns`, name them.
    pub earlier: Vec<(Role, Key)>,
}

impl OnlineKeys {
    /// The newest key of `role` that is among `keyids`.
    #[must_use]
    pub fn named(&self, role: Role, keyids: &[String]) -> Option<&Key> {
        let earlier = self.earlier.iter().filter(|(of, _)| *of == role).map(|(_, key)| key);
        self.of(role).into_iter().chain(earlier).find(|key| keyids.iter().any(|id| id == key.id()))
    }

    /// These keys, with those in front that `root` names for the roles that it knows.
    pub(crate) fn under(&self, root: &Root) -> Result<Self, PublishError> {
        let named = |role: Role| {
            let entry = root.roles.get(&role).ok_or(PublishError::RootKeys(role))?;
            self.named(role, &entry.keyids).cloned().ok_or(PublishError::RootKeys(role))
        };
        let mut keys = self.clone();
        keys.earlier.extend([(Role::Targets, self.targets.clone()), (Role::Snapshot, self.snapshot.clone())]);
        keys.earlier.push((Role::Timestamp, self.timestamp.clone()));
        keys.targets = named(Role::Targets)?;
        keys.snapshot = named(Role::Snapshot)?;
        keys.timestamp = named(Role::Timestamp)?;
        Ok(keys)
    }

    #[must_use]
    pub fn of(&self, role: Role) -> Option<&Key> {
        match role {
            Role::Root => None,
            Role::Targets => Some(&self.targets),
            Role::Campaigns => Some(&self.campaigns),
            Role::Snapshot => Some(&self.snapshot),
            Role::Timestamp => Some(&self.timestamp),
        }
    }

    /// Whether one of them has this id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        let earlier = self.earlier.iter().map(|(_, key)| key);
        Role::ONLINE.into_iter().filter_map(|role| self.of(role)).chain(earlier).any(|key| key.id() == id)
    }

    /// The root that gives these keys their roles, to be signed by the root keys. With `approvers`, targets need the
    /// signature of one of them beside ours.
    #[must_use]
    pub fn root(
        &self,
        root_keys: &[PublicKey],
        threshold: u32,
        approvers: &[PublicKey],
        version: u64,
        now: DateTime<Utc>,
    ) -> Metadata<Root> {
        let mut keys: BTreeMap<_, _> = root_keys.iter().map(|key| (key.id(), key.clone())).collect();
        let mut roles = BTreeMap::new();
        roles.insert(Role::Root, RoleKeys { keyids: root_keys.iter().map(PublicKey::id).collect(), threshold });
        for (role, key) in
            [(Role::Targets, &self.targets), (Role::Snapshot, &self.snapshot), (Role::Timestamp, &self.timestamp)]
        {
            keys.insert(key.id().to_owned(), key.public().clone());
            roles.insert(role, RoleKeys { keyids: vec![key.id().to_owned()], threshold: 1 });
        }
        if let Some(targets) = roles.get_mut(&Role::Targets).filter(|_| !approvers.is_empty()) {
            keys.extend(approvers.iter().map(|key| (key.id(), key.clone())));
            targets.keyids.extend(approvers.iter().map(PublicKey::id));
            targets.threshold = 2;
        }
        Metadata::new(Role::Root, version, now, Root { consistent_snapshot: true, keys, roles })
    }
}

impl Repository {
    #[must_use]
    pub fn root_version(&self) -> u64 {
        self.roots.keys().next_back().copied().unwrap_or(0)
    }

    /// Takes a signed root in: the first, or the successor of the present one
    /// (TUF 1.0.31, section 5.3.4 and 5.3.5), and publishes it with fresh metadata below it; one that asks for more than
    /// our signature on targets waits with them, see [`Self::cosign`].
    ///
    /// # Errors
    /// [`PublishError`] naming what the root lacks; the repository stays as it was.
    pub fn accept_root(
        &mut self,
        bytes: &[u8],
        keys: &OnlineKeys,
        now: DateTime<Utc>,
    ) -> Result<Publication, PublishError> {
        let claimed: Metadata<Root> = parse_unverified(bytes).map_err(PublishError::RootSignature)?;
        let expected = self.root_version() + 1;
        if claimed.version != expected {
            return Err(PublishError::RootVersion { got: claimed.version, expected });
        }
        if let Some(previous) = self.roots.get(&(expected - 1)) {
            let previous: Metadata<Root> = parse_unverified(previous).map_err(PublishError::Stored)?;
            verify_root(bytes, &previous.body)?;
        }
        verify_root(bytes, &claimed.body)?;
        check_shape(&claimed)?;
        if claimed.expires <= now + Role::Timestamp.lifetime() {
            return Err(PublishError::RootExpired);
        }
        let keys = &keys.under(&claimed.body)?;
        check_online_keys(&claimed.body, keys)?;
        let mut next = self.clone();
        if claimed.body.roles.get(&Role::Targets).is_some_and(|role| role.threshold > 1) {
            if !self.uptane.image.is_empty() {
                return Err(PublishError::UptaneCosigned);
            }
            let publication = if self.has_targets_under(&claimed.body) {
                next.replace_root(bytes, &claimed, keys, now)?
            } else {
                next.await_targets(bytes, keys, now)?;
                Publication::default()
            };
            *self = next;
            return Ok(publication);
        }
        next.roots.insert(expected, bytes.to_vec());
        if let Some(pending) = &mut next.pending {
            pending.root = None;
        }
        let mut publication = Publication { files: vec![(Role::Root.file_name(expected), Some(bytes.to_vec()))] };
        publication.files.extend(next.write(keys, Change::default(), &Role::ONLINE, now)?.files);
        *self = next;
        Ok(publication)
    }
}

/// What clients insist on beyond the signatures (section 4.3): python-tuf on exactly the four top-level
/// roles, tough on each key standing under its own id.
fn check_shape(root: &Metadata<Root>) -> Result<(), PublishError> {
    let malformed = |what: &str| Err(PublishError::RootSignature(VerifyError::Parse(what.to_owned())));
    if !root.body.consistent_snapshot {
        return Err(PublishError::RootConsistentSnapshot);
    }
    if root.kind != Role::Root.as_str() {
        return malformed("its _type must be \"root\"");
    }
    if !root.body.roles.keys().eq(&[Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp]) {
        return malformed("its roles must be root, targets, snapshot and timestamp");
    }
    if root.body.keys.iter().any(|(id, key)| *id != key.id()) {
        return malformed("each of its keys must stand under its own key id");
    }
    Ok(())
}

/// Each online role must be ours to sign alone; only targets may ask for others' signatures beside ours.
fn check_online_keys(root: &Root, keys: &OnlineKeys) -> Result<(), PublishError> {
    for role in [Role::Targets, Role::Snapshot, Role::Timestamp] {
        let key = keys.of(role).ok_or(PublishError::RootKeys(role))?;
        let entry = root.roles.get(&role).ok_or(PublishError::RootKeys(role))?;
        let ours = entry.keyids.iter().any(|id| id == key.id());
        let alone = entry.threshold == 1 || role == Role::Targets && entry.threshold > 1;
        // A key that the service has is no second signature.
        let others = entry.keyids.iter().filter(|id| root.keys.contains_key(*id) && !keys.has(id));
        let others: BTreeSet<_> = others.collect();
        let online = entry.keyids.iter().filter(|id| keys.has(id) && *id != key.id()).count();
        if entry.threshold > 1 && (online > 0 || others.len() + 1 < entry.threshold as usize) {
            return Err(PublishError::RootThreshold { threshold: entry.threshold });
        }
        if !alone || !ours || root.keys.get(key.id()) != Some(key.public()) {
            return Err(PublishError::RootKeys(role));
        }
    }
    Ok(())
}

fn verify_root(bytes: &[u8], by: &Root) -> Result<(), PublishError> {
    let missing = PublishError::RootSignature(VerifyError::Parse("the root role is missing".into()));
    let role = by.roles.get(&Role::Root).ok_or(missing)?;
    verify::<Metadata<Root>>(bytes, &by.keys, &role.keyids, role.threshold)
        .map(|_| ())
        .map_err(PublishError::RootSignature)
}
