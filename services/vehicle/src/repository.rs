//! The model's TUF repository, verified. `tough` does the client workflow of TUF 1.0.31, section 5; what
//! it has verified is kept between runs, so that neither a gateway nor a stolen mirror can go back in time.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use otaru_domain::document::CampaignDocument;
use otaru_domain::id::{ModelId, Sha256};
use otaru_domain::tuf::TargetCustom;
use thiserror::Error;
use tough::{ExpirationEnforcement, IntoVec as _, Limits, RepositoryLoader, TargetName};
use url::Url;

use crate::gateway::{Gateway, GatewayError};
use crate::transport::Http;

/// The role that signs campaign documents.
const CAMPAIGNS: &str = "campaigns";
/// The longest campaign document, in bytes.
const MAX_DOCUMENT_BYTES: u64 = 1024 * 1024;
/// What is trusted, in the order in which it is replaced: whatever a power cut leaves is no older than before.
const TRUSTED_FILES: [&str; 5] =
    ["root.json", "snapshot.json", "targets.json", "timestamp.json", "latest_known_time.json"];

/// What an endless answer may take: the timestamp and the roots have no signed length.
const LIMITS: Limits = Limits {
    max_root_size: 512 * 1024,
    max_targets_size: 8 * 1024 * 1024,
    max_timestamp_size: 64 * 1024,
    max_snapshot_size: 1024 * 1024,
    max_root_updates: 256,
};

#[derive(Debug, Error)]
pub(crate) enum RepositoryError {
    #[error("the model's repository is not verified: nothing of it is used")]
    Unverified(#[source] Box<tough::error::Error>),
    #[error("{path} cannot be written or read: check its permissions and the free space")]
    Storage { path: PathBuf, source: io::Error },
    #[error("{0} is no target of the role {CAMPAIGNS}")]
    NoDocument(String),
    #[error("{0} is longer than {MAX_DOCUMENT_BYTES} bytes")]
    DocumentTooLong(String),
    #[error("the campaign document {name} cannot be understood: {reason}")]
    Document { name: String, reason: String },
    #[error(transparent)]
    Address(#[from] GatewayError),
}

impl From<tough::error::Error> for RepositoryError {
    fn from(error: tough::error::Error) -> Self {
        Self::Unverified(Box::new(error))
    }
}

/// An image as the top-level targets describe it.
#[derive(Debug, Clone)]
pub(crate) struct SignedImage {
    pub(crate) length: u64,
    pub(crate) sha256: Sha256,
    pub(crate) custom: TargetCustom,
}

/// Whose repository, and where what was verified of it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    model: ModelId,
    /// The root that came with the credentials.
    root: Vec<u8>,
    dir: PathBuf,
}

impl Trust {
    pub(crate) fn new(model: ModelId, root: Vec<u8>, dir: PathBuf) -> Self {
        Self { model, root, dir }
    }

    /// Fetches and verifies the repository's metadata.
    pub(crate) async fn load(&self, gateway: &Gateway) -> Result<Verified, RepositoryError> {
        // `tough` writes in place, so a kill could tear a file and with it the memory of what was seen.
        // It works on a copy, whose files then replace the trusted ones one by one.
        let work = self.dir.join("work");
        self.begin(&work)?;
        let root = self.trusted_root()?;
        let targets = gateway.targets_url(&self.model)?;
        let loaded = RepositoryLoader::new(&root, gateway.metadata_url(&self.model)?, targets.clone())
            .transport(Http(gateway.client().clone()))
            .datastore(&work)
            .limits(LIMITS)
            .expiration_enforcement(ExpirationEnforcement::Safe)
            .load()
            .await;
        match loaded {
            Ok(repository) => {
                self.trust(&work, &TRUSTED_FILES)?;
                Ok(Verified { repository, targets })
            }
            Err(error) => {
                // 5.3.8: a verified root is kept whatever comes after it.
                self.trust(&work, &TRUSTED_FILES[..1])?;
                Err(error.into())
            }
        }
    }

    /// The newest root that was verified: beginning at the first one each time, a gateway could hide a rotation.
    fn trusted_root(&self) -> Result<Vec<u8>, RepositoryError> {
        let path = self.dir.join(TRUSTED_FILES[0]);
        match std::fs::read(&path) {
            Ok(root) => Ok(root),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.root.clone()),
            Err(source) => Err(RepositoryError::Storage { path, source }),
        }
    }

    fn begin(&self, work: &Path) -> Result<(), RepositoryError> {
        let prepare = || -> io::Result<()> {
            if work.exists() {
                std::fs::remove_dir_all(work)?;
            }
            std::fs::create_dir_all(work)?;
            for name in TRUSTED_FILES.iter().filter(|name| self.dir.join(name).exists()) {
                std::fs::copy(self.dir.join(name), work.join(name))?;
            }
            Ok(())
        };
        prepare().map_err(|source| RepositoryError::Storage { path: work.to_owned(), source })
    }

    fn trust(&self, work: &Path, names: &[&str]) -> Result<(), RepositoryError> {
        let keep = || -> io::Result<()> {
            for name in names.iter().filter(|name| work.join(name).exists()) {
                std::fs::File::open(work.join(name))?.sync_all()?;
                std::fs::rename(work.join(name), self.dir.join(name))?;
            }
            std::fs::File::open(&self.dir)?.sync_all()
        };
        keep().map_err(|source| RepositoryError::Storage { path: self.dir.clone(), source })
    }
}

/// A repository that was verified as a whole.
#[derive(Debug)]
pub(crate) struct Verified {
    repository: tough::Repository,
    targets: Url,
}

impl Verified {
    pub(crate) fn timestamp_version(&self) -> u64 {
        self.repository.timestamp().signed.version.get()
    }

    /// When the first of its files expires: from then on it must be loaded again.
    pub(crate) fn expires(&self) -> DateTime<Utc> {
        let repository = &self.repository;
        let mut expires = repository.timestamp().signed.expires;
        for next in [
            repository.snapshot().signed.expires,
            repository.targets().signed.expires,
            repository.root().signed.expires,
        ] {
            expires = expires.min(next);
        }
        let campaigns = repository.delegated_role(CAMPAIGNS).and_then(|role| role.targets.as_ref());
        if let Some(campaigns) = campaigns {
            expires = expires.min(campaigns.signed.expires);
        }
        DateTime::from_timestamp(expires.as_second(), 0).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    /// Reads a campaign document. Only the role `campaigns` may speak of campaigns.
    pub(crate) async fn document(&self, name: &str) -> Result<CampaignDocument, RepositoryError> {
        let missing = || RepositoryError::NoDocument(name.to_owned());
        let target_name = TargetName::new(name).map_err(|_| missing())?;
        let campaigns = self.repository.delegated_role(CAMPAIGNS).and_then(|role| role.targets.as_ref());
        let target = campaigns.and_then(|role| role.signed.targets.get(&target_name)).ok_or_else(missing)?;
        if self.repository.targets().signed.targets.contains_key(&target_name) {
            return Err(missing());
        }
        if target.length > MAX_DOCUMENT_BYTES {
            return Err(RepositoryError::DocumentTooLong(name.to_owned()));
        }
        let stream = self.repository.read_target(&target_name).await?.ok_or_else(missing)?;
        let bytes = stream.into_vec().await?;
        let unreadable = |reason: String| RepositoryError::Document { name: name.to_owned(), reason };
        let document: CampaignDocument =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if document.is_readable() {
            Ok(document)
        } else {
            Err(unreadable(format!("schema version {} is unknown", document.schema_version)))
        }
    }

    /// What the top-level targets say of an image. What a delegated role says of one does not count.
    pub(crate) fn image(&self, name: &str) -> Option<SignedImage> {
        let target = self.repository.targets().signed.targets.get(&TargetName::new(name).ok()?)?;
        let custom = serde_json::Value::Object(target.custom.clone().into_iter().collect());
        Some(SignedImage {
            length: target.length,
            sha256: Sha256::parse(&hex::encode(&target.hashes.sha256)).ok()?,
            custom: serde_json::from_value(custom).ok()?,
        })
    }

    /// Where an image's bytes are.
    pub(crate) fn image_url(&self, name: &str, sha256: &Sha256) -> Result<Url, RepositoryError> {
        image_url(&self.targets, name, sha256)
    }
}

/// The address of a target with consistent snapshots (TUF 1.0.31, section 5.7.3).
pub(crate) fn image_url(targets: &Url, name: &str, sha256: &Sha256) -> Result<Url, RepositoryError> {
    let path = format!("{sha256}.{name}");
    let url = targets.join(&path).map_err(|error| GatewayError::Malformed(format!("{path}: {error}")))?;
    Ok(url)
}
