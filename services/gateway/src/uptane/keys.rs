//! The Director's keys on disk: `<folder>/<model>/*.pem`. The root in force says which of them sign for what, so a key that
//! is to follow another lies beside it until a root names it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use otaru_domain::id::ModelId;
use otaru_domain::tuf::{Key, Role, Root};
use otaru_domain::uptane::DirectorKeys;
use thiserror::Error;

/// How long a folder is taken to be as it was when a key was not found in it.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug, Error)]
pub(crate) enum DirectorKeyError {
    #[error("no key in {} is the one that the Director's root names for the role {role}", folder.display())]
    Missing { folder: PathBuf, role: Role },
    #[error("the keys in {} cannot be read", folder.display())]
    Io {
        folder: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// The folder.
#[derive(Debug)]
pub(crate) struct DirectorKeyStore {
    folder: PathBuf,
    read: Mutex<HashMap<ModelId, (Arc<Vec<Key>>, Instant)>>,
}

impl DirectorKeyStore {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, read: Mutex::default() }
    }

    /// The keys that `root` names.
    pub(super) fn under(&self, model: &ModelId, root: &Root) -> Result<DirectorKeys, DirectorKeyError> {
        match keys_in(&self.keys(model, false)?, root) {
            Ok(keys) => Ok(keys),
            Err(_) => keys_in(&self.keys(model, true)?, root)
                .map_err(|role| DirectorKeyError::Missing { folder: self.folder.join(model.as_str()), role }),
        }
    }

    fn keys(&self, model: &ModelId, again: bool) -> Result<Arc<Vec<Key>>, DirectorKeyError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((keys, at)) = read.get(model)
            && (!again || at.elapsed() < LOOK_AGAIN)
        {
            return Ok(Arc::clone(keys));
        }
        let folder = self.folder.join(model.as_str());
        let keys = Arc::new(read_keys(&folder).map_err(|source| DirectorKeyError::Io { folder, source })?);
        read.insert(model.clone(), (Arc::clone(&keys), Instant::now()));
        Ok(keys)
    }
}

/// The role of which none of `keys` is named, if there is one.
fn keys_in(keys: &[Key], root: &Root) -> Result<DirectorKeys, Role> {
    let of = |role: Role| {
        let named = root.roles.get(&role).map(|entry| entry.keyids.as_slice()).unwrap_or_default();
        keys.iter().find(|key| named.iter().any(|id| id == key.id())).cloned().ok_or(role)
    };
    Ok(DirectorKeys { targets: of(Role::Targets)?, snapshot: of(Role::Snapshot)?, timestamp: of(Role::Timestamp)? })
}

fn read_keys(folder: &Path) -> std::io::Result<Vec<Key>> {
    let mut keys = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            let pem = std::fs::read_to_string(&path)?;
            keys.push(
                Key::from_pem(&pem).map_err(|error| std::io::Error::other(format!("{}: {error}", path.display())))?,
            );
        }
    }
    Ok(keys)
}
