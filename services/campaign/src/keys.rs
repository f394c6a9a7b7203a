//! The signing keys on disk: `<keys-dir>/<model>/<role>.pem`, those that follow it `<role>.2.pem` and so on, and
//! `<keys-dir>/vehicle-tokens.pem`, ed25519 in PKCS#8 PEM, files 0600 in directories 0700. A key that exists is never
//! overwritten, for without it a model's vehicles would take no update before a new root is signed, and a number is never
//! used twice. In place of `pem`, `ref` names a key that is elsewhere ([`KeyReference`]). Which key signs is not kept here: the root in the database says it, so processes cannot disagree.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use otaru_domain::id::ModelId;
use otaru_domain::tuf::{Key, KeyError, OnlineKeys, Role};
use otaru_domain::uptane::DirectorPublicKeys;
use thiserror::Error;
use uuid::Uuid;

use crate::key_reference::KeyReference;
use crate::pkcs11::Pkcs11Config;

#[derive(Debug, Error)]
pub enum KeyStoreError {
    #[error("cannot use {}: check --keys-dir, its owner and its space", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the key {} is missing: restore the keys directory from its backup", path.display())]
    Missing { path: PathBuf },
    #[error("the key {} cannot be read", path.display())]
    Broken { path: PathBuf, source: KeyError },
    #[error("a new key cannot be made")]
    Generate(#[source] KeyError),
    #[error("the key {reference} cannot be used: {reason}")]
    Reference { reference: String, reason: String },
    #[error("the keys of model {0} have no key {1}")]
    Unknown(ModelId, String),
    #[error("root keys are kept offline: only a demo keeps them here (--demo-root)")]
    NoRootKeys,
}

/// The keys directory.
#[derive(Debug)]
pub struct KeyStore {
    dir: PathBuf,
    demo_root: bool,
    /// What was read already: what stands at a path never changes.
    read: Mutex<HashMap<PathBuf, Key>>,
    pkcs11: Option<Pkcs11Config>,
}

/// What follows a revoked key's name in place of `pem`.
const REVOKED: &str = "revoked";
/// What follows the name of a key that is elsewhere.
const REFERENCE: &str = "ref";

impl KeyStore {
    /// Opens the directory, making it when it is missing.
    ///
    /// # Errors
    /// [`KeyStoreError::Io`].
    pub fn open(dir: &Path, demo_root: bool) -> Result<Self, KeyStoreError> {
        make_private_dir(dir)?;
        Ok(Self { dir: dir.to_owned(), demo_root, read: Mutex::default(), pkcs11: None })
    }

    /// The same with a hardware module.
    #[must_use]
    pub fn with_pkcs11(self, pkcs11: Option<Pkcs11Config>) -> Self {
        Self { pkcs11, ..self }
    }

    /// Whether root keys are kept here, which is for demos.
    #[must_use]
    pub fn has_root_keys(&self) -> bool {
        self.demo_root
    }

    /// The online keys of `model`, which were made by [`Self::create`]: the newest in front.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    pub fn online_keys(&self, model: &ModelId) -> Result<OnlineKeys, KeyStoreError> {
        let mut earlier = Vec::new();
        let mut newest = |role: Role| -> Result<Key, KeyStoreError> {
            let mut keys = self.numbered(model, role)?.into_iter().rev().filter(|(_, path)| is_key(path));
            let (_, path) = keys.next().ok_or_else(|| KeyStoreError::Missing { path: self.path(model, role) })?;
            for (_, path) in keys {
                earlier.push((role, self.read_once(&path)?));
            }
            self.read_once(&path)
        };
        let (targets, campaigns) = (newest(Role::Targets)?, newest(Role::Campaigns)?);
        let (snapshot, timestamp) = (newest(Role::Snapshot)?, newest(Role::Timestamp)?);
        Ok(OnlineKeys { targets, campaigns, snapshot, timestamp, earlier })
    }

    /// Makes the key that is to follow those of `role`, or takes the one of a reference. It signs nothing yet.
    ///
    /// # Errors
    /// [`KeyStoreError`]; [`KeyStoreError::Reference`] when that key does not sign, or has a role already.
    pub fn make_next(&self, model: &ModelId, role: Role, from: Option<&KeyReference>) -> Result<Key, KeyStoreError> {
        let last = self.numbered(model, role)?.last().map_or(0, |(number, _)| *number);
        let path = |extension| self.path(model, role).with_file_name(format!("{role}.{}.{extension}", last + 1));
        let Some(reference) = from else {
            return read_or_make(&path("pem"));
        };
        let refused = |reason: String| KeyStoreError::Reference { reference: reference.to_string(), reason };
        let key = reference.resolve(self.pkcs11.as_ref()).map_err(refused)?;
        key.sign(b"otaru").map_err(|error| refused(error.to_string()))?;
        if self.is_used(reference)? || self.online_keys(model)?.has(key.id()) {
            return Err(refused("it has a role already, and each role of each model has a key of its own".to_owned()));
        }
        write_new(&path(REFERENCE), reference.to_string().as_bytes())?;
        self.read_once(&path(REFERENCE))
    }

    /// Whether any model has a key by this reference.
    fn is_used(&self, reference: &KeyReference) -> Result<bool, KeyStoreError> {
        let io = |source| KeyStoreError::Io { path: self.dir.clone(), source };
        for entry in std::fs::read_dir(&self.dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let files = if path.is_dir() { std::fs::read_dir(&path).map_err(io)?.collect() } else { Vec::new() };
            for file in files {
                let path = file.map_err(io)?.path();
                let is_reference = path.extension().is_some_and(|extension| extension == REFERENCE);
                if is_reference && std::fs::read_to_string(&path).map_err(io)?.trim() == reference.to_string() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Destroys a key for good; only a note that it was there stays.
    ///
    /// # Errors
    /// [`KeyStoreError::Unknown`], or [`KeyStoreError::Io`].
    pub fn revoke(&self, model: &ModelId, key_id: &str) -> Result<Role, KeyStoreError> {
        for role in Role::ONLINE {
            for (number, path) in self.numbered(model, role)?.into_iter().filter(|(_, path)| is_key(path)) {
                if self.read_once(&path)?.id() != key_id {
                    continue;
                }
                // The note first: were the number free, another key could take the place that others know this one at.
                write_new(&path.with_file_name(format!("{role}.{number}.{REVOKED}")), key_id.as_bytes())?;
                let removed = std::fs::remove_file(&path);
                removed.map_err(|source| KeyStoreError::Io { path: path.clone(), source })?;
                self.read.lock().unwrap_or_else(PoisonError::into_inner).remove(&path);
                return Ok(role);
            }
        }
        Err(KeyStoreError::Unknown(model.clone(), key_id.to_owned()))
    }

    /// The files of a role's keys and of those that were revoked, by their numbers.
    fn numbered(&self, model: &ModelId, role: Role) -> Result<Vec<(u32, PathBuf)>, KeyStoreError> {
        let dir = self.dir.join(model.as_str());
        let io = |source| KeyStoreError::Io { path: dir.clone(), source };
        let entries = match std::fs::read_dir(&dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io)?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(io)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let number = match name.split('.').collect::<Vec<_>>()[..] {
                [of, "pem"] if of == role.as_str() => Some(1),
                [of, number, "pem" | REFERENCE | REVOKED] if of == role.as_str() => number.parse::<u32>().ok(),
                _ => None,
            };
            files.extend(number.map(|number| (number, path)));
        }
        files.sort();
        Ok(files)
    }

    fn resolve(&self, path: &Path) -> Result<Key, KeyStoreError> {
        let io = |source| KeyStoreError::Io { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(io)?;
        let refused = |reason| KeyStoreError::Reference { reference: path.display().to_string(), reason };
        let reference: KeyReference = text.trim().parse().map_err(refused)?;
        reference.resolve(self.pkcs11.as_ref()).map_err(refused)
    }

    fn read_once(&self, path: &Path) -> Result<Key, KeyStoreError> {
        if let Some(key) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(key.clone());
        }
        let key = match path.extension() {
            Some(extension) if extension == REFERENCE => self.resolve(path)?,
            _ => read(path)?,
        };
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), key.clone());
        Ok(key)
    }

    /// Makes the online keys of `model`; those that exist stay.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    pub fn create(&self, model: &ModelId) -> Result<OnlineKeys, KeyStoreError> {
        for role in Role::ONLINE {
            if !self.numbered(model, role)?.iter().any(|(_, path)| is_key(path)) {
                read_or_make(&self.path(model, role))?;
            }
        }
        self.online_keys(model)
    }

    /// The public halves of a Director's keys for `model`; those that do not exist are made.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    pub fn director_keys(&self, model: &ModelId) -> Result<DirectorPublicKeys, KeyStoreError> {
        let public = |role: Role| read_or_make(&self.path(model, role)).map(|key| key.public().clone());
        Ok(DirectorPublicKeys {
            targets: public(Role::Targets)?,
            snapshot: public(Role::Snapshot)?,
            timestamp: public(Role::Timestamp)?,
        })
    }

    /// The root key of `model`, made when it is missing; only for demos.
    ///
    /// # Errors
    /// [`KeyStoreError::NoRootKeys`] when this is no demo.
    pub fn root_key(&self, model: &ModelId) -> Result<Key, KeyStoreError> {
        if !self.demo_root {
            return Err(KeyStoreError::NoRootKeys);
        }
        read_or_make(&self.path(model, Role::Root))
    }

    /// The key that vehicle tokens are signed with, made when it is missing.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    pub fn token_key(&self) -> Result<Key, KeyStoreError> {
        read_or_make(&self.dir.join("vehicle-tokens.pem"))
    }

    fn path(&self, model: &ModelId, role: Role) -> PathBuf {
        self.dir.join(model.as_str()).join(format!("{role}.pem"))
    }
}

fn is_key(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension != REVOKED)
}

fn make_private_dir(dir: &Path) -> Result<(), KeyStoreError> {
    let io = |source| KeyStoreError::Io { path: dir.to_owned(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(io)
}

fn read(path: &Path) -> Result<Key, KeyStoreError> {
    let pem = std::fs::read_to_string(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => KeyStoreError::Missing { path: path.to_owned() },
        _ => KeyStoreError::Io { path: path.to_owned(), source },
    })?;
    Key::from_pem(&pem).map_err(|source| KeyStoreError::Broken { path: path.to_owned(), source })
}

fn read_or_make(path: &Path) -> Result<Key, KeyStoreError> {
    match read(path) {
        Err(KeyStoreError::Missing { .. }) => {}
        found => return found,
    }
    let key = Key::generate().map_err(KeyStoreError::Generate)?;
    let pem = key.to_pem().map_err(KeyStoreError::Generate)?;
    write_new(path, pem.as_bytes())?;
    // Another process may have been first: what is on disk counts.
    read(path)
}

/// Writes a file that either is there with all its bytes or is not there; one that exists stays.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyStoreError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    make_private_dir(dir)?;
    let temporary = dir.join(format!(".{}.tmp", Uuid::new_v4()));
    let written = (|| {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // Unlike a rename, a hard link never replaces what is there.
        match std::fs::hard_link(&temporary, path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    })();
    let _ = std::fs::remove_file(&temporary);
    let synced = written.and_then(|()| std::fs::File::open(dir)?.sync_all());
    synced.map_err(|source| KeyStoreError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
