//! Why a vehicle that a target selects is left out of the campaign.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use crate::id::HardwareId;

/// The first of these that applies, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExclusionReason)]
pub enum Reason {
    /// Its holder wants no updates over the air.
    OptedOut,
    /// It had credentials, and all of them are revoked or have expired.
    NoCredentials,
    /// Its model asks for signed reports, and it has no key to sign with that works, or speaks DDI or Uptane, whose clients
    /// have none for these.
    CannotSign,
    /// The release is encrypted for its model, and it speaks DDI or Uptane, whose clients do not decrypt.
    CannotDecrypt,
    /// It speaks DDI or Uptane, whose clients cannot evaluate the campaign's precondition, and nobody waived that; or
    /// Uptane, whose clients cannot ask the driver.
    PreconditionNotEvaluated,
    /// By its own inventory it has no such ECU.
    IncompatibleHardware,
    /// All of the release runs on it.
    AlreadyThere,
    /// An ECU runs another version than the release requires, or none that is known.
    DependencyNotMet,
}

/// A text that is no reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no reason to leave a vehicle out")]
pub struct UnknownReason(String);

impl Reason {
    const ALL: [Self; 8] = [
        Self::OptedOut,
        Self::NoCredentials,
        Self::CannotSign,
        Self::CannotDecrypt,
        Self::PreconditionNotEvaluated,
        Self::IncompatibleHardware,
        Self::AlreadyThere,
        Self::DependencyNotMet,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::NoCredentials => "no_credentials",
            Self::CannotSign => "cannot_sign",
            Self::CannotDecrypt => "cannot_decrypt",
            Self::PreconditionNotEvaluated => "precondition_not_evaluated",
            Self::IncompatibleHardware => "incompatible_hardware",
            Self::AlreadyThere => "already_there",
            Self::DependencyNotMet => "dependency_not_met",
        }
    }
}

impl std::str::FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        let known = Self::ALL.into_iter().find(|reason| reason.as_str() == text);
        known.ok_or_else(|| UnknownReason(text.chars().take(80).collect()))
    }
}

/// A reason, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Exclusion {
    pub reason: Reason,
    /// The ECU, of what is about one.
    #[schema(required = true)]
    pub hardware_id: Option<HardwareId>,
    /// The versions that it would have to run.
    #[schema(required = true)]
    pub versions: Option<String>,
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ecu = self.hardware_id.as_ref().map_or("an ECU", HardwareId::as_str);
        match self.reason {
            Reason::OptedOut => f.write_str("its holder opted out of updates over the air"),
            Reason::NoCredentials => f.write_str("its credentials are revoked or have expired"),
            Reason::CannotSign => f.write_str(
                "its model asks for signed reports, and it has no key that signs them: issue credentials with its ack_key",
            ),
            Reason::CannotDecrypt => {
                f.write_str("the release is encrypted for its model, and it speaks DDI or Uptane, whose clients do not decrypt")
            }
            Reason::PreconditionNotEvaluated => f.write_str(
                "it speaks DDI or Uptane and can neither evaluate the campaign's precondition, which nobody waived for \
                     it, nor (over Uptane) ask its driver",
            ),
            Reason::IncompatibleHardware => write!(f, "it has no {ecu}, by its own inventory"),
            Reason::AlreadyThere => f.write_str("all of the release runs on it already"),
            Reason::DependencyNotMet => {
                write!(f, "{ecu} must run {}", self.versions.as_deref().unwrap_or("another version"))
            }
        }
    }
}
