//! What a report says beside its step.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a vehicle waits for before it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct VehicleWait {
    /// A short code; `precondition` and `window` are what the reference agent says. At most 64 bytes.
    #[schemars(length(min = 1, max = 64))]
    #[schema(min_length = 1, max_length = 64, example = "precondition")]
    pub code: String,
    /// The same for people, such as the clause that does not hold; at most 1024 bytes.
    #[schemars(length(max = 1024))]
    #[schema(max_length = 1024, example = "battery.soc >= 40")]
    pub text: String,
    /// When it will go on by itself, if it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// How a vehicle fares after an installation, by its own checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Healthy,
    Unhealthy,
}

impl Health {
    /// The name in JSON and SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Healthy, Self::Unhealthy].into_iter().find(|health| health.as_str() == text)
    }
}

/// Postgres keeps no NUL in a text, and a log is no reason to lose a report.
pub(super) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', " ") } else { text }
}

/// `text` cut to so many bytes at most, between two characters.
#[must_use]
pub fn cut(mut text: String, max_bytes: usize) -> String {
    let end = (0..=max_bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    text
}
