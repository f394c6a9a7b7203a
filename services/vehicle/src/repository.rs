//! The model's TUF repository, verified by the workflow in `tuf`. What was verified is kept between runs, so that neither
//! a gateway nor a stolen mirror can go back in time; nor can the vehicle's clock.

use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::delta::Algorithm;
use otaru_domain::document::CampaignDocument;
use otaru_domain::id::{ModelId, Sha256};
use otaru_domain::tuf::{TargetCustom, TargetDelta};
use thiserror::Error;
use url::Url;

use crate::gateway::{Gateway, GatewayError};
use crate::tuf::{Client, Store, TufError, replace, target_url};

/// The role that signs campaign documents.
const CAMPAIGNS: &str = "campaigns";
const TARGETS: &str = "targets";
/// The longest campaign document, in bytes.
const MAX_DOCUMENT_BYTES: u64 = 1024 * 1024;
/// When the repository was last loaded, as RFC 3339 in a JSON string.
const LATEST_KNOWN_TIME: &str = "latest_known_time.json";

#[derive(Debug, Error)]
pub(crate) enum RepositoryError {
    #[error("the model's repository is not verified: nothing of it is used")]
    Unverified(#[from] TufError),
    #[error("the clock says {now}, but it has been {known}: expired metadata could pass")]
    ClockWentBack { now: DateTime<Utc>, known: DateTime<Utc> },
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

/// An image as the top-level targets describe it.
#[derive(Debug, Clone)]
pub(crate) struct SignedImage {
    pub(crate) length: u64,
    pub(crate) sha256: Sha256,
    pub(crate) custom: TargetCustom,
}

/// A delta as the top-level targets describe it.
#[derive(Debug, Clone)]
pub(crate) struct SignedDelta {
    pub(crate) name: String,
    pub(crate) length_bytes: u64,
    pub(crate) sha256: Sha256,
    pub(crate) algorithm: Algorithm,
    /// What it is applied to.
    pub(crate) source: Option<Sha256>,
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

    /// Fetches and verifies the repository's metadata; documents are fetched with the `token`.
    pub(crate) async fn load(&self, gateway: &Gateway, token: &str) -> Result<Verified, RepositoryError> {
        let now = self.time()?;
        let store = Store::new(self.dir.clone());
        store.begin_with(&self.root)?;
        let targets = gateway.targets_url(&self.model)?;
        let metadata = gateway.metadata_url(&self.model)?;
        let mut repository = Client::refresh(gateway.client().clone(), metadata, store, now).await?;
        repository.load_role(CAMPAIGNS).await?;
        Ok(Verified { repository, targets, token: token.to_owned() })
    }

    /// The time, which must not be before that of an earlier load.
    fn time(&self) -> Result<DateTime<Utc>, RepositoryError> {
        let now = clock::now();
        let path = self.dir.join(LATEST_KNOWN_TIME);
        let known = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice::<DateTime<Utc>>(&bytes).ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(RepositoryError::Storage { path, source }),
        };
        if let Some(known) = known.filter(|known| *known > now) {
            return Err(RepositoryError::ClockWentBack { now, known });
        }
        let text = format!("\"{}\"", now.to_rfc3339());
        replace(&path, text.as_bytes()).map_err(|source| RepositoryError::Storage { path, source })?;
        Ok(now)
    }
}

/// A repository that was verified as a whole.
pub(crate) struct Verified {
    repository: Client,
    targets: Url,
    token: String,
}

impl Verified {
    pub(crate) fn timestamp_version(&self) -> u64 {
        self.repository.timestamp_version()
    }

    /// When the first of its files expires: from then on it must be loaded again.
    pub(crate) fn expires(&self) -> DateTime<Utc> {
        self.repository.expires()
    }

    /// Reads a campaign document. Only the role `campaigns` may speak of campaigns.
    pub(crate) async fn document(&self, name: &str) -> Result<CampaignDocument, RepositoryError> {
        let missing = || RepositoryError::NoDocument(name.to_owned());
        let campaigns = self.repository.targets(CAMPAIGNS).ok_or_else(missing)?;
        let target = campaigns.targets.get(name).ok_or_else(missing)?;
        let ours = self.repository.targets(TARGETS).is_some_and(|top| top.targets.contains_key(name));
        if ours || !self.repository.delegates(CAMPAIGNS, name) {
            return Err(missing());
        }
        if target.length > MAX_DOCUMENT_BYTES {
            return Err(RepositoryError::DocumentTooLong(name.to_owned()));
        }
        if clock::now() >= self.expires() {
            return Err(RepositoryError::Unverified(self.repository.expired()));
        }
        let bytes = self.repository.read((&self.targets, Some(&self.token)), name, target).await?;
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
        let target = self.repository.targets(TARGETS)?.targets.get(name)?;
        Some(SignedImage {
            length: target.length,
            sha256: Sha256::parse(target.hashes.get("sha256")?).ok()?,
            custom: serde_json::from_value(target.custom.clone()).ok()?,
        })
    }

    /// The deltas that give an image, as far as this client knows their algorithms.
    pub(crate) fn deltas(&self, image: &str) -> Vec<SignedDelta> {
        let targets = self.repository.targets(TARGETS).into_iter().flat_map(|top| &top.targets);
        let described = targets.filter_map(|(name, target)| {
            let delta = target.custom.get("delta").filter(|delta| delta["image"] == image)?;
            let delta: TargetDelta = serde_json::from_value(delta.clone()).ok()?;
            Some(SignedDelta {
                name: name.clone(),
                length_bytes: target.length,
                sha256: Sha256::parse(target.hashes.get("sha256")?).ok()?,
                algorithm: Algorithm::parse(&delta.algorithm)?,
                source: delta.source_sha256.as_deref().map(Sha256::parse).transpose().ok()?,
            })
        });
        described.collect()
    }

    /// Where an image's bytes are.
    pub(crate) fn image_url(&self, name: &str, sha256: &Sha256) -> Result<Url, RepositoryError> {
        Ok(target_url(&self.targets, name, Some(sha256.as_str()))?)
    }
}
