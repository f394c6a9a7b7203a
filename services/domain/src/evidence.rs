//! What UN R156 asks to be recorded of an update, as far as it is a choice among words.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a release touches a type approval (UN R156 7.1.2.5 c to f).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TypeApproval {
    /// No type-approved system is affected.
    NotAffected,
    /// An approval or extension was sought and is not there yet: no campaign may start.
    Pending,
    Granted,
}

impl TypeApproval {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Pending => "pending",
            Self::Granted => "granted",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::NotAffected, Self::Pending, Self::Granted].into_iter().find(|one| one.as_str() == text)
    }
}
