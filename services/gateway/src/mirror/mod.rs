//! The models' repositories in memory, as their topics hold them. Files arrive one by one; what vehicles are
//! told follows from a [`View`], which moves only when a newer timestamp and everything below it is there, so
//! a poll never sees half of a publication.

pub(crate) mod follow;
mod uptane;
mod view;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use otaru_domain::id::ModelId;
use otaru_domain::tuf::Role;
use otaru_domain::uptane::FILE as UPTANE;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

pub(crate) use uptane::UptaneFiles;
pub(crate) use view::{Document, Image, View};
use view::{Unusable, timestamp_version};

pub(crate) const TIMESTAMP: &str = "timestamp.json";

/// A file of a repository.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) bytes: Bytes,
    pub(crate) sha256: Arc<str>,
}

impl File {
    fn new(bytes: Vec<u8>) -> Self {
        let sha256 = hex::encode(Sha256::digest(&bytes)).into();
        Self { bytes: bytes.into(), sha256 }
    }
}

/// What a file's name makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    Timestamp,
    /// All that is the same for every vehicle of the Uptane repositories.
    Uptane,
    /// `<version>.<role>.json`: never changes.
    Metadata(Role),
    /// `<hash>.<name>`: never changes.
    Target {
        sha256: &'a str,
    },
}

impl<'a> Name<'a> {
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        if name == TIMESTAMP {
            return Some(Self::Timestamp);
        }
        if name == UPTANE {
            return Some(Self::Uptane);
        }
        let (first, rest) = name.split_once('.')?;
        if first.len() == 64 && otaru_domain::id::Sha256::parse(first).is_ok() {
            return (!rest.is_empty()).then_some(Self::Target { sha256: first });
        }
        let role = Role::parse(rest.strip_suffix(".json")?).filter(|role| *role != Role::Timestamp)?;
        let version: u64 = first.parse().ok()?;
        (role.file_name(version) == name).then_some(Self::Metadata(role))
    }
}

/// One model's repository.
#[derive(Debug)]
pub(crate) struct Repository {
    model: ModelId,
    files: RwLock<HashMap<String, File>>,
    view: watch::Sender<Option<Arc<View>>>,
    uptane: RwLock<Option<Arc<UptaneFiles>>>,
    /// The newest timestamp, while something below it is missing, and the highest version ever served.
    pending: RwLock<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    timestamp: Option<File>,
    highest: u64,
}

impl Repository {
    fn new(model: ModelId) -> Self {
        let view = watch::Sender::new(None);
        Self { model, files: RwLock::default(), view, uptane: RwLock::default(), pending: RwLock::default() }
    }

    /// What vehicles are told now.
    pub(crate) fn view(&self) -> Option<Arc<View>> {
        self.view.borrow().clone()
    }

    /// The model's Uptane repositories, if it has them.
    pub(crate) fn uptane(&self) -> Option<Arc<UptaneFiles>> {
        self.uptane.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take_uptane(&self, file: Option<&File>) {
        let files = match file.map(|file| UptaneFiles::read(&file.bytes)).transpose() {
            Ok(files) => files.map(Arc::new),
            Err(error) => {
                return tracing::warn!(model = %self.model, error, "the Uptane repositories cannot be read; those before stay");
            }
        };
        *self.uptane.write().unwrap_or_else(PoisonError::into_inner) = files;
    }

    /// Hears of each new view.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Arc<View>>> {
        self.view.subscribe()
    }

    /// The file `name`, from the view or from beside it: a client that began a moment ago asks for files
    /// that are not the newest any more.
    pub(crate) fn file(&self, name: &str) -> Option<File> {
        let of_view = self.view.borrow().as_ref().and_then(|view| view.files.get(name).cloned());
        of_view.or_else(|| self.files.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    /// Takes a message of the topic. Only the one reader of the topic calls this.
    fn apply(&self, name: &str, value: Option<Vec<u8>>) {
        let file = value.map(File::new);
        match (Name::parse(name), file) {
            (None, _) => tracing::warn!(model = %self.model, name, "a message whose key names no file is left aside"),
            (Some(Name::Timestamp), None) => self.retire(),
            (Some(Name::Timestamp), Some(file)) => return self.take_timestamp(file),
            (Some(Name::Uptane), file) => return self.take_uptane(file.as_ref()),
            (Some(_), None) => {
                self.files.write().unwrap_or_else(PoisonError::into_inner).remove(name);
            }
            (Some(Name::Target { sha256 }), Some(file)) if *file.sha256 != *sha256 => {
                tracing::warn!(model = %self.model, name, "a file with another hash than its name says is left aside");
            }
            (Some(_), Some(file)) => {
                self.files.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), file);
            }
        }
        let waiting = self.pending.read().unwrap_or_else(PoisonError::into_inner).timestamp.clone();
        if let Some(timestamp) = waiting {
            self.take_timestamp(timestamp);
        }
    }

    /// The model's timestamp was removed: there is nothing for its vehicles any more.
    fn retire(&self) {
        self.pending.write().unwrap_or_else(PoisonError::into_inner).timestamp = None;
        if self.view.send_replace(None).is_some() {
            tracing::info!(model = %self.model, "the model's repository was taken out of service");
        }
    }

    /// Moves the view to `timestamp`, if that is newer and complete.
    fn take_timestamp(&self, timestamp: File) {
        let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        let version = match timestamp_version(&timestamp) {
            Ok(version) => version,
            Err(error) => return report(&self.model, 0, &error),
        };
        let served = self.view();
        let repeated = served.as_ref().is_some_and(|view| view.is_of(&timestamp));
        if version < pending.highest || (version == pending.highest && served.is_some()) {
            if !repeated {
                tracing::warn!(model = %self.model, version, served = pending.highest,
                    "a timestamp that is not newer is left aside: was the topic restored from an older copy?");
            }
            return;
        }
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        match View::build(&self.model, &timestamp, &files, served.as_deref()) {
            Ok(view) => {
                pending.timestamp = None;
                pending.highest = version;
                drop((pending, files));
                tracing::debug!(model = %self.model, version, running = view.running(), "the repository moved on");
                self.view.send_replace(Some(Arc::new(view)));
            }
            Err(error) => {
                pending.timestamp = Some(timestamp);
                report(&self.model, version, &error);
            }
        }
    }
}

fn report(model: &ModelId, version: u64, error: &Unusable) {
    tracing::warn!(%model, version, error = otaru_http::chain(error),
        "the repository is incomplete or cannot be read; the version before stays");
}

/// All repositories.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    repositories: RwLock<HashMap<ModelId, Arc<Repository>>>,
    /// Moves when a repository may have moved.
    moved: watch::Sender<()>,
    read: AtomicBool,
    revocations_read: AtomicBool,
}

impl Mirror {
    /// Whether all topics were read to the end they had at start. Before that, what is not there may just not
    /// have been read, and nobody may be told that there is nothing.
    pub(crate) fn is_complete(&self) -> bool {
        self.read.load(Ordering::Acquire)
    }

    pub(crate) fn knows_revocations(&self) -> bool {
        self.revocations_read.load(Ordering::Acquire)
    }

    /// The repository of `model`, if its topic was seen.
    pub(crate) fn get(&self, model: &ModelId) -> Option<Arc<Repository>> {
        self.repositories.read().unwrap_or_else(PoisonError::into_inner).get(model).cloned()
    }

    /// The repository of `model`, empty until its topic is seen: for whoever waits for it.
    pub(crate) fn get_or_await(&self, model: &ModelId) -> Arc<Repository> {
        if let Some(repository) = self.get(model) {
            return repository;
        }
        let mut all = self.repositories.write().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Repository::new(model.clone()));
        Arc::clone(all.entry(model.clone()).or_insert_with(new))
    }

    /// Hears when any repository may have moved.
    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// What the vehicles of each model are told now.
    pub(crate) fn views(&self) -> Vec<(ModelId, Option<Arc<View>>)> {
        let all = self.repositories.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(model, repository)| (model.clone(), repository.view())).collect()
    }

    fn count(&self) -> usize {
        let all = self.repositories.read().unwrap_or_else(PoisonError::into_inner);
        all.values().filter(|repository| repository.view.borrow().is_some()).count()
    }
}

#[cfg(test)]
mod tests;
