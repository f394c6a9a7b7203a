//! Small files that are either old or new, never half of each, whatever moment the power goes.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

#[derive(Debug, Error)]
#[error("{path} cannot be written or read: check its permissions and the free space")]
pub(crate) struct StorageError {
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

/// Names the file that an error is about.
pub(crate) fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, StorageError> {
    result.map_err(|source| StorageError { path: path.to_owned(), source })
}

/// Writes beside the file, syncs, renames over it and syncs the folder. The agent calls it between two
/// awaits, so its task cannot be cancelled within.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    let next = path.with_extension("next");
    let write = || -> io::Result<()> {
        let mut file = File::create(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, path)?;
        sync_parent(path)
    };
    at(path, write())
}

/// Makes a rename in the file's folder durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// The file's bytes, or `None` when there is no such file.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => at(path, read).map(Some),
    }
}
