//! From what a gateway points at to what may be installed: the update is only a hint, the signed document
//! and the signed targets must both allow it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::age::SCHEME;
use otaru_domain::document::{CampaignDocument, NotForVehicle};
use otaru_domain::id::{HardwareId, ModelId, Sha256, Vin};
use otaru_domain::release::Installation;
use otaru_domain::requirement::{self, Requirement};
use otaru_domain::tuf::TargetEncryption;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::gateway::Update;
use crate::repository::Verified;

/// An image that may be installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) hardware_id: HardwareId,
    /// Its name among the top-level targets.
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) release_counter: u64,
    pub(crate) length_bytes: u64,
    pub(crate) sha256: Sha256,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) requires: Vec<Requirement>,
    /// That what is downloaded is the ciphertext of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<Encryption>,
}

/// What is decrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Encryption {
    pub(crate) scheme: String,
    pub(crate) length_bytes: u64,
    pub(crate) sha256: Sha256,
}

impl Encryption {
    fn read(signed: TargetEncryption) -> Result<Self, ()> {
        let sha256 = Sha256::parse(&signed.sha256).map_err(|_| ())?;
        Ok(Self { scheme: signed.scheme, length_bytes: signed.length, sha256 })
    }
}

impl Image {
    /// The hash of what runs once it is installed.
    pub(crate) fn installed_sha256(&self) -> &Sha256 {
        self.encryption.as_ref().map_or(&self.sha256, |encryption| &encryption.sha256)
    }
}

/// An ECU and what runs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ecu {
    pub(crate) version: String,
    /// Unknown until the first installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) release_counter: Option<u64>,
}

/// Why an update is not installed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("the signed document is for another model")]
    OtherModel,
    #[error("the campaign is not running, says the signed document")]
    NotRunning,
    #[error("the offer has expired, says the signed document")]
    Expired,
    #[error("the vehicle's wave is not open, says the signed document")]
    WaveClosed,
    #[error("the vehicle is in no wave of the campaign, says the signed document")]
    NotMember,
    #[error("the gateway names the document {0}, which is not this campaign's")]
    OtherDocument(String),
    #[error("the gateway names no target")]
    NoTargets,
    #[error("the gateway names {0}, which the signed document does not")]
    NotInDocument(String),
    #[error("the gateway names some of the images and not {0}, and the signed document installs them together")]
    Partial(String),
    #[error("{0} is not among the signed targets, or lacks what is needed to install it")]
    NotSigned(String),
    #[error("{name} is not made for {hardware_id}")]
    WrongHardware { name: String, hardware_id: HardwareId },
    #[error("this vehicle has no {0}")]
    NoSuchEcu(HardwareId),
    #[error("{0} is encrypted by {1}, which this vehicle does not know")]
    UnknownEncryption(String, String),
    #[error("{0} is encrypted, and this vehicle has no identity: start the agent with --age-identity")]
    NoIdentity(String),
    #[error("{name} requires {requirement}, and {} here", runs(.running.as_deref()))]
    DependencyNotMet { name: String, requirement: Requirement, running: Option<String> },
    #[error("{name} has release counter {got}, {hardware_id} runs {installed}: no way back")]
    Older { name: String, hardware_id: HardwareId, got: u64, installed: u64 },
}

impl Refusal {
    /// The error code to report, where what is *signed* cannot be installed here. What only an unsigned answer
    /// claims is not reported: a gateway could make vehicles fail with it.
    pub(crate) fn error_code(&self) -> Option<&'static str> {
        match self {
            Self::WrongHardware { .. } => Some("wrong_hardware"),
            Self::NoSuchEcu(_) => Some("no_such_ecu"),
            Self::Older { .. } => Some("older_release"),
            Self::DependencyNotMet { .. } => Some("dependency_not_met"),
            Self::UnknownEncryption(..) => Some("unknown_encryption"),
            Self::NoIdentity(_) => Some("no_decryption_key"),
            _ => None,
        }
    }
}

impl From<NotForVehicle> for Refusal {
    fn from(reason: NotForVehicle) -> Self {
        match reason {
            NotForVehicle::OtherModel => Self::OtherModel,
            NotForVehicle::NotRunning => Self::NotRunning,
            NotForVehicle::Expired => Self::Expired,
            NotForVehicle::WaveClosed => Self::WaveClosed,
            NotForVehicle::NotMember => Self::NotMember,
        }
    }
}

/// Whether the document that the update names is this campaign's and lets the vehicle begin.
pub(crate) fn allowed(
    update: &Update,
    document: &CampaignDocument,
    model: &ModelId,
    vin: &Vin,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if update.document != CampaignDocument::name_of(update.campaign) || document.campaign != update.campaign {
        return Err(Refusal::OtherDocument(update.document.clone()));
    }
    document.allows(model, vin, now).map_err(Refusal::from)
}

/// The images to install: those the update names, as document and targets both describe them. It must name all of the
/// document's: one that leaves some out would have the vehicle run what was never released together.
pub(crate) fn images(update: &Update, document: &CampaignDocument, verified: &Verified) -> Result<Vec<Image>, Refusal> {
    if update.targets.is_empty() {
        return Err(Refusal::NoTargets);
    }
    // Their order is the signed document's, not the answer's.
    let place = |name: &String| document.targets.iter().position(|target| target.name == *name);
    let mut names: Vec<&String> = update.targets.iter().collect();
    names.sort_by_key(|name| place(name));
    let mut images: Vec<Image> = Vec::with_capacity(update.targets.len());
    for name in names {
        let target = document
            .targets
            .iter()
            .find(|target| target.name == *name)
            .filter(|target| images.iter().all(|image| image.hardware_id != target.hardware_id))
            .ok_or_else(|| Refusal::NotInDocument(name.clone()))?;
        let signed = verified.image(name).ok_or_else(|| Refusal::NotSigned(name.clone()))?;
        if !signed.custom.installs_on().contains(&target.hardware_id) {
            return Err(Refusal::WrongHardware { name: name.clone(), hardware_id: target.hardware_id.clone() });
        }
        let encryption = signed.custom.encryption.map(Encryption::read).transpose();
        images.push(Image {
            hardware_id: target.hardware_id.clone(),
            name: name.clone(),
            version: signed.custom.version,
            release_counter: signed.custom.release_counter,
            length_bytes: signed.length,
            sha256: signed.sha256,
            requires: signed.custom.requires,
            encryption: encryption.map_err(|()| Refusal::NotSigned(name.clone()))?,
        });
    }
    match document.targets.iter().find(|target| images.iter().all(|image| image.name != target.name)) {
        Some(missing) => Err(Refusal::Partial(missing.name.clone())),
        None => Ok(images),
    }
}

/// Whether the vehicle can decrypt what is encrypted of the images. The signed targets say what is: an identity is no reason to
/// refuse what is not, for anybody can encrypt for a public key.
pub(crate) fn decryptable(images: &[Image], has_identity: bool) -> Result<(), Refusal> {
    for image in images {
        match &image.encryption {
            Some(encryption) if encryption.scheme != SCHEME => {
                return Err(Refusal::UnknownEncryption(image.name.clone(), encryption.scheme.clone()));
            }
            Some(_) if !has_identity => return Err(Refusal::NoIdentity(image.name.clone())),
            _ => {}
        }
    }
    Ok(())
}

fn runs(version: Option<&str>) -> String {
    version.map_or_else(|| "it is not".to_owned(), |version| format!("{version} runs"))
}

/// Whether this very vehicle can take the images: it has the ECUs, none of them would go back, and each image has what
/// it requires.
pub(crate) fn fits(
    images: &[Image],
    installation: Installation,
    ecus: &BTreeMap<HardwareId, Ecu>,
) -> Result<(), Refusal> {
    for (place, image) in images.iter().enumerate() {
        let ecu = ecus.get(&image.hardware_id).ok_or_else(|| Refusal::NoSuchEcu(image.hardware_id.clone()))?;
        if let Some(installed) = ecu.release_counter.filter(|installed| image.release_counter < *installed) {
            return Err(Refusal::Older {
                name: image.name.clone(),
                hardware_id: image.hardware_id.clone(),
                got: image.release_counter,
                installed,
            });
        }
        let before = |id: &HardwareId| ecus.get(id).map(|ecu| ecu.version.as_str());
        // One after the other, what comes later is no help.
        let brought = match installation {
            Installation::Atomic => images,
            Installation::Ordered => &images[..=place],
        };
        let after =
            |id: &HardwareId| brought.iter().find(|image| image.hardware_id == *id).map(|image| image.version.as_str());
        if let Some(requirement) = requirement::unmet(&image.requires, &image.hardware_id, before, after) {
            return Err(Refusal::DependencyNotMet {
                name: image.name.clone(),
                requirement: requirement.clone(),
                running: before(&requirement.hardware_id).map(str::to_owned),
            });
        }
    }
    Ok(())
}
