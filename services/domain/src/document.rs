//! The campaign document: the small signed file by which a vehicle of a model knows what a campaign
//! installs, and whether it belongs to a wave that is open. It is a TUF target of the delegated role
//! `campaigns`, named `campaign-<id>.json`; a vehicle installs only what it and `targets` both allow.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ack::SCHEMA_VERSION;
use crate::id::{CampaignId, HardwareId, ModelId, ReleaseId, Vin};
use crate::membership;
use crate::release::Installation;
use crate::rollout::{Consent, Windows};

/// What the campaign asks of vehicles now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentState {
    /// Vehicles of open waves may install.
    Running,
    /// Nobody begins to install; it may go on later.
    Paused,
    /// Over: an explicit end, published before the document is removed.
    Ended,
}

/// One image of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct DocumentTarget {
    pub hardware_id: HardwareId,
    /// The name in the top-level `targets` role, which has its length and hashes.
    pub name: String,
    pub version: String,
}

/// A wave: whose rank is above the cutoff of the wave before and at most this one's, unless it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct DocumentWave {
    /// 1 for the first.
    pub number: u32,
    /// The highest rank in this wave; see `rank` in Otaru's documentation: the first 52 bits of SHA-256(`salt:vin`).
    pub cutoff: u64,
    pub open: bool,
    /// Whether its vehicles are listed on the server: then there is no cutoff, and the vehicle cannot check for itself
    /// that it is one of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
}

/// The document. Integers only, and ASCII: TUF's canonical form has no floats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct CampaignDocument {
    /// Version of this document's schema; 1.
    pub schema_version: u32,
    pub campaign: CampaignId,
    /// The model it is for: TUF binds no identity of a repository, so the vehicle checks it here.
    pub model: ModelId,
    pub release: ReleaseId,
    pub release_version: String,
    pub state: DocumentState,
    pub salt: String,
    pub waves: Vec<DocumentWave>,
    /// In the order of their installation, where that is ordered.
    pub targets: Vec<DocumentTarget>,
    /// Whether the targets are installed at once or one after the other.
    #[serde(default, skip_serializing_if = "Installation::is_atomic")]
    pub installation: Installation,
    /// CEL over the vehicle's signals; the vehicle installs only while it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precondition: Option<String>,
    /// Whether clients that cannot evaluate the precondition may have the update all the same. Whoever can, does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub precondition_waived: bool,
    /// What the driver is told and asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// When the vehicle may begin to install, by its own local time.
    #[serde(default, skip_serializing_if = "Windows::is_empty")]
    pub windows: Windows,
    /// No vehicle begins after this.
    pub offer_expires: DateTime<Utc>,
}

/// Why a vehicle is not offered what the document describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotForVehicle {
    OtherModel,
    NotRunning,
    Expired,
    WaveClosed,
    NotMember,
}

impl CampaignDocument {
    /// The name of the document of `campaign` among the targets.
    #[must_use]
    pub fn name_of(campaign: CampaignId) -> String {
        format!("campaign-{campaign}.json")
    }

    /// The wave in which `vin` is by its rank, open or not.
    #[must_use]
    pub fn wave_of(&self, vin: &Vin) -> Option<&DocumentWave> {
        let rank = membership::rank(&self.salt, vin);
        self.waves.iter().find(|wave| !wave.listed && rank <= wave.cutoff)
    }

    /// Whether a vehicle may begin now: the agent's check and the gateway's.
    ///
    /// # Errors
    /// [`NotForVehicle`] for the first thing that stands against it.
    pub fn allows(&self, model: &ModelId, vin: &Vin, now: DateTime<Utc>) -> Result<(), NotForVehicle> {
        if self.model != *model {
            return Err(NotForVehicle::OtherModel);
        }
        if self.state != DocumentState::Running {
            return Err(NotForVehicle::NotRunning);
        }
        if now >= self.offer_expires {
            return Err(NotForVehicle::Expired);
        }
        // Who is in a listed wave is for the server to say.
        if self.waves.iter().any(|wave| wave.listed && wave.open) {
            return Ok(());
        }
        match self.wave_of(vin) {
            None => Err(NotForVehicle::NotMember),
            Some(wave) if !wave.open => Err(NotForVehicle::WaveClosed),
            Some(_) => Ok(()),
        }
    }

    /// A reader takes any version from 1 on: additions keep the meaning of what it knows.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.schema_version >= SCHEMA_VERSION
    }
}
