//! A release: a locked set of images, one per hardware id, with what it needs to be told apart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{HardwareId, ReleaseId};

/// Where a release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
    /// May still change; no campaign may use it.
    Draft,
    /// Fixed for ever, signed into the models' targets.
    Locked,
    /// Taken out of the models' targets.
    Retired,
}

impl ReleaseState {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Locked => "locked",
            Self::Retired => "retired",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Locked, Self::Retired].into_iter().find(|state| state.as_str() == text)
    }
}

/// How a vehicle brings the images of a release onto its ECUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Installation {
    /// All at once: it runs all of them, or what it ran before.
    #[default]
    Atomic,
    /// One after the other, in the order of the images; what fails ends it, and what went before stays.
    Ordered,
}

impl Installation {
    /// The name in JSON and SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::Ordered => "ordered",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Atomic, Self::Ordered].into_iter().find(|one| one.as_str() == text)
    }

    /// For serde: whether nothing need be said.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(crate) fn is_atomic(&self) -> bool {
        *self == Self::Atomic
    }
}

/// The flat name of an image among a model's targets: unique per release and hardware id, readable in a
/// listing, without `/` because clients disagree on where the hash goes then.
#[must_use]
pub fn target_name(hardware_id: &HardwareId, version: &str, release: ReleaseId, file_name: &str) -> String {
    let plain = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
            .take(64)
            .collect()
    };
    let extension = file_name.rsplit_once('.').map_or("bin", |(_, extension)| extension);
    format!("{}-{}-r{release}.{}", plain(hardware_id.as_str()), plain(version), plain(extension))
}
