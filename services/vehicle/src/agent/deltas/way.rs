//! One delta and what it is applied to: the image is written beside the download, hashed as it goes, and gets its name only
//! when it is the signed one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use otaru_domain::delta::{self, ApplyError};
use otaru_domain::id::Sha256 as Digest256;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::agent::files::{StorageError, at, sync_parent};
use crate::agent::slots::digest;
use crate::download::{DownloadError, complete_path};
use crate::offer::Image;
use crate::repository::SignedDelta;

/// How often a delta is begun: a kill interrupts it, but one that the agent dies of is not tried for ever.
pub(super) const TRIES: u8 = 3;

/// Why an image is downloaded whole although a delta fits.
#[derive(Debug, Error)]
pub(super) enum Problem {
    #[error("it cannot be downloaded")]
    Download(#[source] DownloadError),
    #[error("it was begun {TRIES} times and never came to an end")]
    NeverEnds,
    #[error("what it is made from was changed meanwhile")]
    SourceChanged,
    #[error("it cannot be applied")]
    Apply(#[from] ApplyError),
    #[error("the result's hash is not the signed one")]
    OtherResult,
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A delta that fits, and what it is applied to.
#[derive(Debug, Clone)]
pub(in crate::agent) struct Way {
    pub(super) delta: SignedDelta,
    pub(super) source: Option<PathBuf>,
}

impl Way {
    pub(in crate::agent) fn sha256(&self) -> &Digest256 {
        &self.delta.sha256
    }
    /// The delta as something to be downloaded.
    pub(super) fn as_image(&self, image: &Image) -> Image {
        Image {
            name: self.delta.name.clone(),
            length_bytes: self.delta.length_bytes,
            sha256: self.delta.sha256.clone(),
            requires: Vec::new(),
            ..image.clone()
        }
    }

    /// Makes the image beside the download and gives it its name when it is the signed one. What a kill leaves is made anew.
    pub(super) fn apply(&self, image: &Image, downloads: &Path) -> Result<(), Problem> {
        let path = downloads.join(format!("{}.made", image.sha256));
        let downloaded = complete_path(downloads, &self.delta.sha256);
        let delta = at(&downloaded, File::open(&downloaded))?;
        let mut made = Made { file: at(&path, File::create(&path))?, hasher: Sha256::new() };
        let (algorithm, image_bytes) = (self.delta.algorithm, image.length_bytes);
        match &self.source {
            Some(path) => {
                let (bytes, found) = length_and_digest(path)?.ok_or(Problem::SourceChanged)?;
                if self.delta.source.as_ref() != Some(&found) {
                    return Err(Problem::SourceChanged);
                }
                let source = at(path, File::open(path))?;
                delta::apply(algorithm, delta, source, bytes, image_bytes, &mut made)?;
            }
            None => delta::apply(algorithm, delta, io::empty(), 0, image_bytes, &mut made)?,
        }
        if hex::encode(made.hasher.finalize()) != image.sha256.as_str() {
            return Err(Problem::OtherResult);
        }
        at(&path, made.file.sync_all())?;
        let complete = complete_path(downloads, &image.sha256);
        at(&complete, fs::rename(&path, &complete).and_then(|()| sync_parent(&complete)))?;
        // Nobody needs it any more; one that stays is cleared away with the other downloads.
        drop(fs::remove_file(&downloaded));
        Ok(())
    }
}

/// The image on its way to the disk, hashed as it goes.
struct Made {
    file: File,
    hasher: Sha256,
}

impl Write for Made {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

pub(super) fn length_and_digest(path: &Path) -> Result<Option<(u64, Digest256)>, StorageError> {
    let Some(found) = digest(path)? else { return Ok(None) };
    Ok(Some((at(path, path.metadata())?.len(), found)))
}
