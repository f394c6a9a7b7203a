//! What is trusted, on disk: the very bytes that were verified, a file per role. A power cut leaves the old file or the new.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::TufError;

/// The directory of trusted metadata.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    dir: PathBuf,
}

impl Store {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file of a role, if there is one.
    pub(super) fn read(&self, role: &str) -> Result<Option<Vec<u8>>, TufError> {
        let path = self.path(role);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(TufError::Storage { path, source }),
        }
    }

    pub(super) fn write(&self, role: &str, bytes: &[u8]) -> Result<(), TufError> {
        let path = self.path(role);
        replace(&path, bytes).map_err(|source| TufError::Storage { path, source })
    }

    pub(super) fn remove(&self, role: &str) -> Result<(), TufError> {
        let path = self.path(role);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(TufError::Storage { path, source }),
            _ => Ok(()),
        }
    }

    fn path(&self, role: &str) -> PathBuf {
        self.dir.join(format!("{}.json", quote(role)))
    }
}

/// Puts a file in place at once, and on the disk before it is there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let part = dir.join(".part");
    let mut file = std::fs::File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    std::fs::File::open(dir)?.sync_all()
}

/// A name as one part of a path: everything but letters, digits and `_.-~` as `%XX`.
pub(super) fn quote(name: &str) -> String {
    escape(name, |byte| byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte))
}

pub(super) fn escape(name: &str, keep: impl Fn(u8) -> bool) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if keep(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
