//! A consistent state of a model's repository: a timestamp, and all that it stands for (TUF 1.0.31, section
//! 5.4 to 5.6, as far as hashes, lengths and versions go; signatures are the vehicle's to verify, for a
//! gateway that vouched for them would be one more thing to trust).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use otaru_domain::document::{CampaignDocument, DocumentState};
use otaru_domain::id::{CampaignId, ModelId, Sha256, Vin};
use otaru_domain::tuf::{
    FileMeta, Metadata, Role, Snapshot, Target, Targets, Timestamp, VerifyError, parse_unverified,
};
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::{File, TIMESTAMP};

/// A campaign's document.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) document: Arc<CampaignDocument>,
    pub(crate) sha256: Arc<str>,
}

/// An image that the model's targets list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) sha256: Sha256,
    pub(crate) length_bytes: u64,
    /// What a vehicle fetches it for: the name of the image that it is, or of the one that it is a delta to.
    pub(crate) brings: String,
}

/// What a model's vehicles are told.
#[derive(Debug)]
pub(crate) struct View {
    /// The timestamp's.
    pub(crate) version: u64,
    /// The files of this state, so that they outlive their tombstones for as long as it is served.
    pub(super) files: HashMap<String, File>,
    /// By the name they are fetched under, `<hash>.<name>`.
    pub(crate) images: Arc<HashMap<String, Image>>,
    /// The same by name, with all that is signed of them.
    pub(crate) targets: Arc<BTreeMap<String, Target>>,
    /// Of what the images were read.
    targets_sha256: Arc<str>,
    pub(crate) documents: BTreeMap<CampaignId, Document>,
}

/// Why a timestamp cannot be served.
#[derive(Debug, Error)]
pub(crate) enum Unusable {
    #[error("{0} is not there")]
    Missing(String),
    #[error("{0} is not what the file above it describes")]
    Differs(String),
    #[error("{name} cannot be read")]
    Unreadable {
        name: String,
        #[source]
        source: VerifyError,
    },
}

pub(super) fn timestamp_version(file: &File) -> Result<u64, Unusable> {
    read::<Timestamp>(TIMESTAMP, file).map(|metadata| metadata.version)
}

impl View {
    /// The state that `timestamp` stands for. What has not changed since `before` is not read again.
    pub(super) fn build(
        model: &ModelId,
        timestamp: &File,
        files: &HashMap<String, File>,
        before: Option<&Self>,
    ) -> Result<Self, Unusable> {
        let mut used = HashMap::from([(TIMESTAMP.to_owned(), timestamp.clone())]);
        let top: Metadata<Timestamp> = read(TIMESTAMP, timestamp)?;
        let snapshot = below(Role::Snapshot, &top.body.meta, files, &mut used)?;
        let snapshot: Metadata<Snapshot> = read_version(Role::Snapshot, &top.body.meta, &snapshot)?;
        let meta = &snapshot.body.meta;

        let file = below(Role::Targets, meta, files, &mut used)?;
        let (images, listed) = match before.filter(|before| before.targets_sha256 == file.sha256) {
            Some(before) => (Arc::clone(&before.images), Arc::clone(&before.targets)),
            None => {
                let targets: Metadata<Targets> = read_version(Role::Targets, meta, &file)?;
                (Arc::new(images_of(&targets)), Arc::new(targets.body.targets))
            }
        };
        let targets_sha256 = file.sha256;

        let campaigns = below(Role::Campaigns, meta, files, &mut used)?;
        let campaigns: Metadata<Targets> = read_version(Role::Campaigns, meta, &campaigns)?;
        let mut documents = BTreeMap::new();
        for (name, target) in &campaigns.body.targets {
            let file_name = format!("{}.{name}", target.hashes.sha256);
            let file = files.get(&file_name).ok_or_else(|| Unusable::Missing(file_name.clone()))?;
            if file.bytes.len() as u64 != target.length || *file.sha256 != *target.hashes.sha256 {
                return Err(Unusable::Differs(file_name));
            }
            let known = before.and_then(|before| before.documents.values().find(|known| known.sha256 == file.sha256));
            if let Some(document) = known.cloned().or_else(|| document_of(model, name, file)) {
                documents.insert(document.document.campaign, document);
            }
            used.insert(file_name, file.clone());
        }
        Ok(Self { version: top.version, files: used, images, targets: listed, targets_sha256, documents })
    }

    pub(super) fn is_of(&self, timestamp: &File) -> bool {
        self.files.get(TIMESTAMP).is_some_and(|file| file.sha256 == timestamp.sha256)
    }

    /// The SHA-256 of the timestamp, in hex.
    pub(crate) fn timestamp_sha256(&self) -> Option<Arc<str>> {
        self.files.get(TIMESTAMP).map(|file| Arc::clone(&file.sha256))
    }

    /// The waves that are open, of campaigns that run.
    pub(crate) fn open_waves(&self) -> impl Iterator<Item = (CampaignId, u32)> {
        let running = self.documents.values().filter(|known| known.document.state == DocumentState::Running);
        running.flat_map(|known| {
            let open = known.document.waves.iter().filter(|wave| wave.open);
            open.map(|wave| (known.document.campaign, wave.number))
        })
    }

    /// Whether an image of the campaign is encrypted: then only who reads the targets knows what to do with it.
    pub(crate) fn is_encrypted(&self, document: &CampaignDocument) -> bool {
        let targets = document.targets.iter().filter_map(|target| self.targets.get(&target.name)?.custom.as_ref());
        targets.into_iter().any(|custom| custom.encryption.is_some())
    }

    /// How many campaigns run.
    pub(crate) fn running(&self) -> usize {
        self.documents.values().filter(|known| known.document.state == DocumentState::Running).count()
    }

    /// Whether any campaign lets `vin` begin now, if it is a member: without, nobody needs to look.
    pub(crate) fn allows_any(&self, model: &ModelId, vin: &Vin, now: DateTime<Utc>) -> bool {
        self.documents.values().any(|known| known.document.allows(model, vin, now).is_ok())
    }
}

/// The file of `role` that the file above it (with the entries `meta`) names.
fn below(
    role: Role,
    meta: &BTreeMap<String, FileMeta>,
    files: &HashMap<String, File>,
    used: &mut HashMap<String, File>,
) -> Result<File, Unusable> {
    let entry = entry(role, meta)?;
    let name = role.file_name(entry.version);
    let file = files.get(&name).ok_or_else(|| Unusable::Missing(name.clone()))?;
    let length_differs = entry.length.is_some_and(|length| file.bytes.len() as u64 != length);
    let hash_differs = entry.hashes.as_ref().is_some_and(|hashes| *file.sha256 != *hashes.sha256);
    if length_differs || hash_differs {
        return Err(Unusable::Differs(name));
    }
    used.insert(name, file.clone());
    Ok(file.clone())
}

fn entry(role: Role, meta: &BTreeMap<String, FileMeta>) -> Result<&FileMeta, Unusable> {
    let name = format!("{role}.json");
    meta.get(&name).ok_or(Unusable::Missing(name))
}

fn read<T: DeserializeOwned>(name: &str, file: &File) -> Result<Metadata<T>, Unusable> {
    parse_unverified(&file.bytes).map_err(|source| Unusable::Unreadable { name: name.to_owned(), source })
}

/// Reads a file, which must have the version that the file above it says.
fn read_version<T: DeserializeOwned>(
    role: Role,
    meta: &BTreeMap<String, FileMeta>,
    file: &File,
) -> Result<Metadata<T>, Unusable> {
    let version = entry(role, meta)?.version;
    let name = role.file_name(version);
    let metadata: Metadata<T> = read(&name, file)?;
    if metadata.version == version { Ok(metadata) } else { Err(Unusable::Differs(name)) }
}

fn images_of(targets: &Metadata<Targets>) -> HashMap<String, Image> {
    let known = targets.body.targets.iter().filter_map(|(name, target)| {
        let sha256 = Sha256::parse(&target.hashes.sha256).ok()?;
        let delta = target.custom.as_ref().and_then(|custom| custom.delta.as_ref());
        let brings = delta.map_or(name, |delta| &delta.image).clone();
        Some((format!("{sha256}.{name}"), Image { sha256, length_bytes: target.length, brings }))
    });
    known.collect()
}

/// A document that cannot be read is none for this gateway; the model's other campaigns go on.
fn document_of(model: &ModelId, name: &str, file: &File) -> Option<Document> {
    let document: CampaignDocument = match serde_json::from_slice(&file.bytes) {
        Ok(document) => document,
        Err(error) => {
            tracing::warn!(%model, name, %error, "a campaign document cannot be read; nothing is offered of it");
            return None;
        }
    };
    if !document.is_readable() || document.model != *model || CampaignDocument::name_of(document.campaign) != name {
        tracing::warn!(%model, name, "a campaign document is not what its name says; nothing is offered of it");
        return None;
    }
    Some(Document { document: Arc::new(document), sha256: Arc::clone(&file.sha256) })
}
