//! The review of a campaign by another person than its author. An approval is of a content, named by its
//! digest: whatever changes afterwards, by whichever way, is not what was approved.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use utoipa::ToSchema;

/// A step of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Submitted,
    Approved,
    Rejected,
    /// The campaign was changed: what was submitted or approved counts no more.
    Voided,
}

impl Verdict {
    pub const ALL: [Self; 4] = [Self::Submitted, Self::Approved, Self::Rejected, Self::Voided];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Voided => "voided",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text)
    }

    /// Whether a change of the campaign undoes it.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Submitted | Self::Approved)
    }
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    pub verdict: Verdict,
    /// Of the content it is about.
    pub digest: String,
    pub by: String,
    pub at: DateTime<Utc>,
    pub reason: Option<String>,
}

/// Why a review refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReviewError {
    #[error("campaigns need a review here: submit it, and have another person approve it")]
    Needed,
    #[error("the campaign is in review: it may start once another person has approved it")]
    Pending,
    #[error("the campaign is not what was approved any more: have it reviewed again")]
    Void,
    #[error("{0:?} wrote or last changed the campaign: another person must approve it")]
    OwnWork(String),
    #[error("the campaign's content has the digest {0} by now, not the one you name: read it again")]
    Changed(String),
}

/// Whether a campaign whose content has `digest` may start, by the `newest` step of its review.
///
/// # Errors
/// [`ReviewError`].
pub fn may_start(required: bool, newest: Option<&Review>, digest: &str) -> Result<(), ReviewError> {
    match newest.map(|review| (review.verdict, review.digest == digest)) {
        Some((Verdict::Approved, true)) => Ok(()),
        Some((Verdict::Approved, false)) => Err(ReviewError::Void),
        Some((Verdict::Submitted, _)) => Err(ReviewError::Pending),
        Some((Verdict::Rejected | Verdict::Voided, _)) | None if required => Err(ReviewError::Needed),
        Some((Verdict::Rejected | Verdict::Voided, _)) | None => Ok(()),
    }
}

/// Whether `by` may approve the content that they saw under the digest `seen`.
///
/// # Errors
/// [`ReviewError`].
pub fn may_approve(by: &str, authors: &[&str], seen: &str, digest: &str) -> Result<(), ReviewError> {
    if authors.contains(&by) {
        return Err(ReviewError::OwnWork(by.to_owned()));
    }
    if seen != digest {
        return Err(ReviewError::Changed(digest.to_owned()));
    }
    Ok(())
}

/// The SHA-256 of `content` in a form that does not depend on the order of its members, as hexadecimal digits.
#[must_use]
pub fn digest(content: &Value) -> String {
    hex::encode(Sha256::digest(sorted(content).to_string()))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            Value::Object(members.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        plain => plain.clone(),
    }
}
