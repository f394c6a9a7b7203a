//! Two slots of images, A and B: one runs, the other is written. Only when every byte of the other one is on
//! disk and was read back does a pointer move, so a kill leaves the vehicle with either all of the old
//! software or all of the new.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use otaru_domain::id::{HardwareId, Sha256 as Digest256};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::decrypt::{DecryptError, decrypt};
use super::files::{StorageError, at, read_if_there, sync_parent, write_atomically};
use crate::download::complete_path;
use crate::offer::Image;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Slot {
    A,
    B,
}

impl Slot {
    fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

#[derive(Debug, Error)]
pub(crate) enum SlotError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("the image for {0}, read back from its slot, is not the signed one")]
    Corrupt(HardwareId),
    #[error("the downloaded image for {0} is gone")]
    Missing(HardwareId),
    #[error(transparent)]
    Decrypt(#[from] DecryptError),
}

/// `<state_dir>/slots`: `a/`, `b/` and the pointer `active`.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    dir: PathBuf,
}

impl Slots {
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self { dir: state_dir.join("slots") }
    }

    /// The slot that runs; none before the first installation.
    pub(crate) fn active(&self) -> Result<Option<Slot>, StorageError> {
        let pointer = read_if_there(&self.dir.join("active"))?;
        Ok(match pointer.as_deref() {
            Some(b"a\n") => Some(Slot::A),
            Some(b"b\n") => Some(Slot::B),
            _ => None,
        })
    }

    /// The slot to write next.
    pub(crate) fn inactive(&self) -> Result<Slot, StorageError> {
        Ok(self.active()?.map_or(Slot::A, Slot::other))
    }

    /// The file of the image that runs on an ECU; none before its first installation.
    pub(crate) fn running(&self, hardware_id: &HardwareId) -> Result<Option<PathBuf>, StorageError> {
        Ok(self.active()?.map(|slot| self.image_path(slot, hardware_id)))
    }

    /// Whether the slot runs and holds the images: then there is nothing left to do.
    pub(crate) fn runs(&self, slot: Slot, images: &[Image]) -> Result<bool, StorageError> {
        if self.active()? != Some(slot) {
            return Ok(false);
        }
        for image in images {
            if digest(&self.image_path(slot, &image.hardware_id))?.as_ref() != Some(image.installed_sha256()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the images into the slot that does not run, with what the other ECUs have, and reads them back. Those that are
    /// encrypted are decrypted with the keys in the file `identity`.
    pub(crate) fn write(
        &self,
        slot: Slot,
        images: &[Image],
        downloads: &Path,
        identity: Option<&Path>,
    ) -> Result<(), SlotError> {
        let target = self.dir.join(slot.name());
        at(&target, empty(&target))?;
        let running = self.dir.join(slot.other().name());
        if running.exists() {
            for entry in at(&running, fs::read_dir(&running))? {
                let entry = at(&running, entry)?;
                let path = target.join(entry.file_name());
                at(&path, copy_synced(&entry.path(), &path))?;
            }
        }
        for image in images {
            let path = self.image_path(slot, &image.hardware_id);
            let download = complete_path(downloads, &image.sha256);
            if !download.exists() {
                return Err(SlotError::Missing(image.hardware_id.clone()));
            }
            match &image.encryption {
                None => at(&path, copy_synced(&download, &path))?,
                Some(encryption) => decrypt(image, encryption, (identity, downloads), &path)?,
            }
            if digest(&path)?.as_ref() != Some(image.installed_sha256()) {
                return Err(SlotError::Corrupt(image.hardware_id.clone()));
            }
        }
        at(&target, File::open(&target).and_then(|dir| dir.sync_all()))?;
        at(&target, sync_parent(&target))?;
        Ok(())
    }

    /// Makes the slot the one that runs.
    pub(crate) fn activate(&self, slot: Slot) -> Result<(), StorageError> {
        write_atomically(&self.dir.join("active"), format!("{}\n", slot.name()).as_bytes())
    }

    /// Gives up a slot that was just activated: what ran before runs again, or nothing if nothing did.
    pub(crate) fn retreat(&self, from: Slot) -> Result<(), StorageError> {
        if self.folder(from.other()).exists() {
            return self.activate(from.other());
        }
        let pointer = self.dir.join("active");
        match fs::remove_file(&pointer) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => at(&pointer, removed.and_then(|()| sync_parent(&pointer))),
        }
    }

    /// Where the slot's images are.
    pub(crate) fn folder(&self, slot: Slot) -> PathBuf {
        self.dir.join(slot.name())
    }

    fn image_path(&self, slot: Slot, hardware_id: &HardwareId) -> PathBuf {
        self.dir.join(slot.name()).join(format!("{hardware_id}.bin"))
    }
}

fn empty(dir: &Path) -> io::Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir)
}

fn copy_synced(from: &Path, to: &Path) -> io::Result<()> {
    let mut target = File::create(to)?;
    io::copy(&mut File::open(from)?, &mut target)?;
    target.flush()?;
    target.sync_all()
}

/// The file's SHA-256, or `None` when there is no such file.
pub(super) fn digest(path: &Path) -> Result<Option<Digest256>, StorageError> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => at(path, file)?,
    };
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = at(path, file.read(&mut buffer))?;
        if read == 0 {
            return Ok(Digest256::parse(&hex::encode(hasher.finalize())).ok());
        }
        hasher.update(&buffer[..read]);
    }
}
