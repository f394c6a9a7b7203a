//! The update cycle, step by step as section 5 of the specification numbers them. What an earlier cycle trusted is
//! verified again with today's keys before it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use url::Url;

use super::envelope::File;
use super::keys::{Keys, Signers};
use super::roles::{self, Meta, Root, Snapshot, Target, Targets, Timestamp};
use super::store::{Store, quote};
use super::{TufError, fetch, target};

/// What an endless answer may take where no length is signed, in bytes.
const MAX_ROOT_BYTES: u64 = 512 * 1024;
const MAX_TIMESTAMP_BYTES: u64 = 64 * 1024;
const MAX_SNAPSHOT_BYTES: u64 = 2 * 1024 * 1024;
const MAX_TARGETS_BYTES: u64 = 8 * 1024 * 1024;
/// Roots that one cycle follows; the next goes on from there.
const MAX_ROOT_ROTATIONS: u64 = 256;
/// Roles that a search asks.
const MAX_DELEGATIONS: usize = 32;
const TARGETS: &str = "targets";

/// A repository as far as it is trusted, after a whole cycle.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    metadata: Url,
    store: Store,
    now: DateTime<Utc>,
    root: File<Root>,
    timestamp: File<Timestamp>,
    snapshot: File<Snapshot>,
    targets: BTreeMap<String, File<Targets>>,
}

/// Where a cycle fetches from, and when it began.
struct Cycle<'a> {
    http: &'a reqwest::Client,
    metadata: &'a Url,
    store: &'a Store,
    now: DateTime<Utc>,
}

impl Cycle<'_> {
    async fn fetch(&self, file: &str, limit: u64) -> Result<Vec<u8>, TufError> {
        let url = self.metadata.join(file).map_err(|_| TufError::Address(self.metadata.clone()))?;
        fetch::metadata(self.http, url, file, limit).await
    }

    /// 5.3: follows the roots, each signed by the one before and by itself.
    async fn root(&self) -> Result<File<Root>, TufError> {
        let bytes = self.store.read("root")?.ok_or_else(|| TufError::NoRoot(self.store.dir().to_owned()))?;
        let mut root = trusted_root(&bytes)?;
        for _ in 0..MAX_ROOT_ROTATIONS {
            let next = root.version.saturating_add(1);
            let bytes = match self.fetch(&format!("{next}.root.json"), MAX_ROOT_BYTES).await {
                Err(TufError::Absent { .. }) => break,
                fetched => fetched?,
            };
            let new = roles::root(&bytes)?;
            root.body.verify("root", &new)?;
            new.body.verify("root", &new)?;
            new.has_version(next)?;
            // 5.3.11: fast-forward recovery. Before the new root is kept, so that a kill in between forgets no rotation.
            if ["timestamp", "snapshot"].iter().any(|role| !root.body.same_signers(role, &new.body)) {
                self.store.remove("timestamp")?;
                self.store.remove("snapshot")?;
            }
            self.store.write("root", &bytes)?;
            root = new;
        }
        root.fresh(self.now)?;
        Ok(root)
    }

    /// 5.4.
    async fn timestamp(&self, root: &Root) -> Result<File<Timestamp>, TufError> {
        let trusted = self.store.read("timestamp")?.and_then(|bytes| roles::timestamp(&bytes).ok());
        let trusted = trusted.filter(|trusted| root.verify("timestamp", trusted).is_ok());
        let bytes = self.fetch("timestamp.json", MAX_TIMESTAMP_BYTES).await?;
        let new = roles::timestamp(&bytes)?;
        root.verify("timestamp", &new)?;
        if let Some(trusted) = trusted {
            new.not_before(trusted.version)?;
            // 5.4.3.1: an equal version is no update, whatever else it says.
            if new.version == trusted.version {
                trusted.fresh(self.now)?;
                return Ok(trusted);
            }
            let version = |file: &File<Timestamp>| file.body.snapshot().map(|meta| meta.version.get());
            if version(&new) < version(&trusted) {
                return Err(new.malformed("its snapshot is older than the trusted one"));
            }
        }
        new.fresh(self.now)?;
        self.store.write("timestamp", &bytes)?;
        Ok(new)
    }

    /// 5.5.
    async fn snapshot(&self, root: &File<Root>, timestamp: &File<Timestamp>) -> Result<File<Snapshot>, TufError> {
        let meta = timestamp.body.snapshot().ok_or_else(|| timestamp.malformed("it lists no snapshot"))?;
        let kept = self.store.read("snapshot")?;
        let trusted = kept.as_deref().and_then(|bytes| roles::snapshot(bytes).ok());
        let trusted = trusted.filter(|trusted| root.body.verify("snapshot", trusted).is_ok());
        if let (Some(bytes), Some(trusted)) = (&kept, &trusted)
            && trusted.version == meta.version.get()
            && meta.check("snapshot.json", bytes).is_ok()
            && trusted.fresh(self.now).is_ok()
        {
            return Ok(trusted.clone());
        }
        let file = versioned(&root.body, "snapshot", meta);
        let bytes = self.fetch(&file, meta.length.unwrap_or(MAX_SNAPSHOT_BYTES)).await?;
        meta.check("snapshot.json", &bytes)?;
        let new = roles::snapshot(&bytes)?;
        root.body.verify("snapshot", &new)?;
        new.has_version(meta.version.get())?;
        if let Some(trusted) = trusted {
            new.not_before(trusted.version)?;
            not_rolled_back(&trusted.body, &new.body)?;
        }
        new.fresh(self.now)?;
        self.store.write("snapshot", &bytes)?;
        Ok(new)
    }
}

/// 5.5.5: what the trusted snapshot lists must go on being listed, and never in an older version.
fn not_rolled_back(trusted: &Snapshot, new: &Snapshot) -> Result<(), TufError> {
    for (file, old) in &trusted.meta {
        let found = new.meta.get(file).ok_or_else(|| TufError::Unlisted { file: file.clone() })?.version;
        if found < old.version {
            let expected = format!("{} or more", old.version);
            return Err(TufError::Version { file: file.clone(), found: found.get(), expected });
        }
    }
    Ok(())
}

fn versioned(root: &Root, role: &str, meta: &Meta) -> String {
    let role = quote(role);
    if root.consistent_snapshot { format!("{}.{role}.json", meta.version) } else { format!("{role}.json") }
}

fn trusted_root(bytes: &[u8]) -> Result<File<Root>, TufError> {
    let root = roles::root(bytes)?;
    root.body.verify("root", &root)?;
    Ok(root)
}

impl Client {
    /// Runs a cycle, as far as the top-level targets.
    pub(crate) async fn refresh(
        http: reqwest::Client,
        metadata: Url,
        store: Store,
        now: DateTime<Utc>,
    ) -> Result<Self, TufError> {
        let metadata = if metadata.path().ends_with('/') {
            metadata
        } else {
            Url::parse(&format!("{metadata}/")).map_err(|_| TufError::Address(metadata))?
        };
        let cycle = Cycle { http: &http, metadata: &metadata, store: &store, now };
        let root = cycle.root().await?;
        let timestamp = cycle.timestamp(&root.body).await?;
        let snapshot = cycle.snapshot(&root, &timestamp).await?;
        let mut client = Self { http, metadata, store, now, root, timestamp, snapshot, targets: BTreeMap::new() };
        let keys = client.root.body.keys.clone();
        let signers = client.root.body.signers(TARGETS).cloned();
        let signers = signers.ok_or_else(|| client.root.malformed("it names no keys for targets"))?;
        client.load(TARGETS, &keys, &signers).await?;
        Ok(client)
    }

    /// 5.6: the targets of a role whose delegator has these keys for it.
    async fn load(&mut self, role: &str, keys: &Keys, signers: &Signers) -> Result<(), TufError> {
        let file = format!("{role}.json");
        let meta = self.snapshot.body.meta.get(&file).ok_or_else(|| TufError::Unlisted { file: file.clone() })?;
        let accept = |bytes: &[u8]| -> Result<File<Targets>, TufError> {
            meta.check(&file, bytes)?;
            let targets = roles::targets(&file, bytes)?;
            signers.verify(keys, &file, &targets.envelope)?;
            targets.has_version(meta.version.get())?;
            targets.fresh(self.now)?;
            Ok(targets)
        };
        let kept = self.store.read(role)?;
        let targets = match kept.and_then(|bytes| accept(&bytes).ok()) {
            Some(targets) => targets,
            None => {
                let cycle = Cycle { http: &self.http, metadata: &self.metadata, store: &self.store, now: self.now };
                let limit = meta.length.unwrap_or(MAX_TARGETS_BYTES);
                let bytes = cycle.fetch(&versioned(&self.root.body, role, meta), limit).await?;
                let targets = accept(&bytes)?;
                self.store.write(role, &bytes)?;
                targets
            }
        };
        self.targets.insert(role.to_owned(), targets);
        Ok(())
    }

    /// Loads a role that `delegator`, which is loaded, delegates to.
    async fn load_delegated(&mut self, delegator: &str, role: &str) -> Result<(), TufError> {
        let delegations = self.targets.get(delegator).and_then(|file| file.body.delegations.as_ref());
        let found = delegations.and_then(|from| Some((from.keys.clone(), from.signers(role)?.clone())));
        let (keys, signers) = found.ok_or_else(|| TufError::Unlisted { file: format!("{role}.json") })?;
        self.load(role, &keys, &signers).await
    }

    /// Loads a role that the top-level targets delegate to; `false` when they do not.
    pub(crate) async fn load_role(&mut self, role: &str) -> Result<bool, TufError> {
        let delegations = self.targets.get(TARGETS).and_then(|file| file.body.delegations.as_ref());
        if delegations.and_then(|from| from.signers(role)).is_none() {
            return Ok(false);
        }
        self.load_delegated(TARGETS, role).await?;
        Ok(true)
    }

    /// 5.6.7: asks the roles that may speak of the target, depth first, each once.
    async fn find(&mut self, name: &str) -> Result<Target, TufError> {
        let mut ahead = vec![(TARGETS.to_owned(), String::new())];
        let mut visited = BTreeSet::new();
        while let Some((role, delegator)) = ahead.pop() {
            if visited.len() > MAX_DELEGATIONS || !visited.insert(role.clone()) {
                continue;
            }
            if role != TARGETS {
                self.load_delegated(&delegator, &role).await?;
            }
            let Some(file) = self.targets.get(&role) else { continue };
            if let Some(target) = file.body.targets.get(name) {
                return Ok(target.clone());
            }
            let mut next = Vec::new();
            for (child, terminating) in file.body.delegations.iter().flat_map(|from| from.roles_for(name)) {
                next.push((child, role.clone()));
                if terminating {
                    ahead.clear();
                    break;
                }
            }
            ahead.extend(next.into_iter().rev());
        }
        Err(TufError::NoTarget(name.to_owned()))
    }

    pub(crate) fn timestamp_version(&self) -> u64 {
        self.timestamp.version
    }

    /// When the first of the loaded files expires.
    pub(crate) fn expires(&self) -> DateTime<Utc> {
        let top = self.root.expires.min(self.timestamp.expires).min(self.snapshot.expires);
        self.targets.values().fold(top, |first, file| first.min(file.expires))
    }

    /// What to say once it has.
    pub(crate) fn expired(&self) -> TufError {
        TufError::Expired { file: "the repository".to_owned(), expires: self.expires().to_rfc3339() }
    }

    /// What a loaded role says.
    pub(crate) fn targets(&self, role: &str) -> Option<&Targets> {
        self.targets.get(role).map(|file| &file.body)
    }

    /// Whether the top-level targets let a role speak of the target.
    pub(crate) fn delegates(&self, role: &str, target: &str) -> bool {
        let delegations = self.targets(TARGETS).and_then(|targets| targets.delegations.as_ref());
        delegations.is_some_and(|from| from.allows(role, target))
    }

    pub(crate) fn consistent(&self) -> bool {
        self.root.body.consistent_snapshot
    }

    /// A target's bytes, verified; fetched with the vehicle's token, which some gateways want to see.
    pub(crate) async fn read(
        &self,
        (targets, token): (&Url, Option<&str>),
        name: &str,
        target: &Target,
    ) -> Result<Vec<u8>, TufError> {
        target::read((&self.http, token), targets, self.consistent(), (name, target)).await
    }
}

impl Store {
    /// Trusts a root that came from elsewhere, where there is none yet.
    pub(crate) fn begin_with(&self, root: &[u8]) -> Result<(), TufError> {
        if self.read("root")?.is_none() {
            trusted_root(root)?;
            self.write("root", root)?;
        }
        Ok(())
    }
}

/// Makes `root` the trusted root of `dir`.
///
/// # Errors
/// When it is no root, is not signed by its own keys, or cannot be written.
pub fn init(dir: &Path, root: &[u8]) -> Result<(), TufError> {
    trusted_root(root)?;
    Store::new(dir.to_owned()).write("root", root)
}

/// Fetches and verifies the repository's metadata, as an agent does, and keeps it in `dir`.
///
/// # Errors
/// When anything is not verified; what was before stays trusted.
pub async fn refresh(http: reqwest::Client, dir: &Path, metadata: Url, now: DateTime<Utc>) -> Result<(), TufError> {
    Client::refresh(http, metadata, Store::new(dir.to_owned()), now).await.map(|_| ())
}

/// Refreshes, finds the target `name` and saves it in `into`; the path of the file.
///
/// # Errors
/// When anything is not verified; then no file appears.
pub async fn download(
    http: reqwest::Client,
    dir: &Path,
    metadata: Url,
    (targets, name, into): (Url, &str, &Path),
    now: DateTime<Utc>,
) -> Result<PathBuf, TufError> {
    let mut client = Client::refresh(http, metadata, Store::new(dir.to_owned()), now).await?;
    let found = client.find(name).await?;
    target::save(&client.http, &targets, client.consistent(), (name, &found), into).await
}
