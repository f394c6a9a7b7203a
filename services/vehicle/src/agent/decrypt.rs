//! Images that arrive encrypted. What is downloaded, kept and resumed is the signed ciphertext; it is decrypted on its way into
//! the slot, a piece at a time, and what is signed of the plaintext is checked before the slot runs. The private keys are read
//! anew each time: whoever adds one need not restart the agent.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use otaru_domain::age::{AgeError, Decryptor, Identity};
use otaru_domain::id::{CampaignId, HardwareId};
use thiserror::Error;

use super::files::{StorageError, at};
use super::key::read_secret;
use super::{Agent, AgentError, SlotError};
use crate::download::complete_path;
use crate::offer::{Encryption, Image};

const BUFFER_BYTES: usize = 64 * 1024;

/// Why an image is not decrypted.
#[derive(Debug, Error)]
pub(crate) enum DecryptError {
    #[error("the image for {0} is encrypted, and this vehicle has no identity: start the agent with --age-identity")]
    NoIdentity(HardwareId),
    #[error("the image for {0} is encrypted for other keys than this vehicle has")]
    OtherIdentity(HardwareId),
    #[error("the image for {hardware_id} cannot be decrypted")]
    Broken {
        hardware_id: HardwareId,
        #[source]
        source: AgeError,
    },
    #[error("the vehicle's age identity cannot be used: {0}")]
    Unreadable(String),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl DecryptError {
    /// The error code to report; none of what may pass.
    pub(crate) fn error_code(&self) -> Option<&'static str> {
        match self {
            Self::NoIdentity(_) => Some("no_decryption_key"),
            Self::OtherIdentity(_) => Some("wrong_decryption_key"),
            Self::Broken { .. } => Some("decryption_failed"),
            Self::Unreadable(_) | Self::Storage(_) => None,
        }
    }
}

/// Reads the identities in a file that only its owner may read.
///
/// # Errors
/// When it cannot be read, or others can, or it has none in it.
pub fn read_identities(path: &Path) -> anyhow::Result<Vec<Identity>> {
    Identity::parse_file(&read_secret(path)?).with_context(|| format!("{} cannot be used", path.display()))
}

impl Agent {
    /// Whether the vehicle's keys open what was downloaded; else the attempt has failed over it. Found before the vehicle waits
    /// for the moment to install.
    pub(super) async fn opens(&mut self, campaign: CampaignId, images: &[Image]) -> Result<bool, AgentError> {
        let (identity, downloads) = (self.config.age_identity.clone(), self.downloads.clone());
        let encrypted: Vec<Image> = images.iter().filter(|image| image.encryption.is_some()).cloned().collect();
        let opened = tokio::task::spawn_blocking(move || {
            encrypted.iter().try_for_each(|image| open(image, identity.as_deref(), &downloads).map(drop))
        });
        match opened.await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(error)) => match error.error_code() {
                Some(code) => self.fail(campaign, code, &error).map(|()| false),
                None => Err(SlotError::from(error).into()),
            },
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

fn open(image: &Image, identity: Option<&Path>, downloads: &Path) -> Result<Decryptor<BufReader<File>>, DecryptError> {
    let identity = identity.ok_or_else(|| DecryptError::NoIdentity(image.hardware_id.clone()))?;
    let identities = read_identities(identity).map_err(|error| DecryptError::Unreadable(format!("{error:#}")))?;
    let path = complete_path(downloads, &image.sha256);
    let file = BufReader::with_capacity(BUFFER_BYTES, at(&path, File::open(&path))?);
    Decryptor::open(file, &identities).map_err(|error| match error {
        AgeError::NoMatch => DecryptError::OtherIdentity(image.hardware_id.clone()),
        AgeError::Read(source) => StorageError { path: path.clone(), source }.into(),
        source => DecryptError::Broken { hardware_id: image.hardware_id.clone(), source },
    })
}

/// Decrypts a download into `path`, which is on disk then, and no further than the signed length and a byte.
pub(super) fn decrypt(
    image: &Image,
    encryption: &Encryption,
    (identity, downloads): (Option<&Path>, &Path),
    path: &Path,
) -> Result<(), DecryptError> {
    let mut plain = open(image, identity, downloads)?.take(encryption.length_bytes.saturating_add(1));
    let mut file = at(path, File::create(path))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match plain.read(&mut buffer) {
            Ok(0) => return Ok(at(path, file.flush().and_then(|()| file.sync_all()))?),
            Ok(read) => at(path, file.write_all(&buffer[..read]))?,
            Err(source) if source.kind() == io::ErrorKind::InvalidData => {
                return Err(DecryptError::Broken {
                    hardware_id: image.hardware_id.clone(),
                    source: AgeError::Read(source),
                });
            }
            Err(source) => return Err(StorageError { path: complete_path(downloads, &image.sha256), source }.into()),
        }
    }
}
