//! What the driver is told, and asked. It travels in the signed document: whoever shows it shows what was reviewed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::{PlanError, refuse};

const MAX_LANGUAGES: usize = 50;
const MAX_TITLE_BYTES: usize = 200;
const MAX_BODY_BYTES: usize = 4_000;
const MAX_UNAVAILABLE: usize = 50;
const MAX_REASON_BYTES: usize = 500;

/// Whether the driver is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMode {
    /// Told, not asked.
    Inform,
    /// Nothing is installed before the driver agrees.
    Ask,
}

/// What the driver has to do with the update; nothing without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    pub mode: ConsentMode,
    /// By language tag, such as `en` or `de-AT`; at most 50.
    pub texts: BTreeMap<String, ConsentText>,
    /// How long the vehicle cannot be used, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1440, example = 12)]
    pub minutes: Option<u32>,
    /// Functions that are not there meanwhile, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub unavailable: Vec<String>,
    /// How often the driver may be reminded later; then the update counts as declined. As often as wanted without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100, example = 3)]
    pub max_reminders: Option<u32>,
    /// Installs without asking, for this reason: an approver's decision, and part of what is reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub force_reason: Option<String>,
}

/// What the driver reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentText {
    #[schema(max_length = 200, example = "New body control software")]
    pub title: String,
    #[schema(max_length = 4000)]
    pub body: String,
}

impl Consent {
    /// Whether the driver must agree first.
    #[must_use]
    pub fn must_ask(&self) -> bool {
        self.mode == ConsentMode::Ask && self.force_reason.is_none()
    }

    /// What to show to somebody who reads `language`: that, else the same language of elsewhere, else English, else any.
    #[must_use]
    pub fn text(&self, language: &str) -> Option<&ConsentText> {
        let plain = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let same = || self.texts.iter().find(|(tag, _)| plain(tag) == plain(language)).map(|(_, text)| text);
        self.texts.get(language).or_else(same).or_else(|| self.texts.get("en")).or_else(|| self.texts.values().next())
    }
}

/// Refuses what nobody could read.
pub(super) fn check(consent: &Consent) -> Result<(), PlanError> {
    let at = "/policy/consent";
    if consent.texts.is_empty() || consent.texts.len() > MAX_LANGUAGES {
        return refuse(format!("{at}/texts"), format!("needs texts in 1 to {MAX_LANGUAGES} languages"));
    }
    for (tag, text) in &consent.texts {
        let is_tag = (2..=35).contains(&tag.len())
            && tag
                .split('-')
                .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if !is_tag {
            return refuse(format!("{at}/texts/{tag}"), "is no language tag, such as en or de-AT");
        }
        if text.title.trim().is_empty() || text.title.len() > MAX_TITLE_BYTES {
            return refuse(format!("{at}/texts/{tag}/title"), format!("needs 1 to {MAX_TITLE_BYTES} bytes"));
        }
        if text.body.trim().is_empty() || text.body.len() > MAX_BODY_BYTES {
            return refuse(format!("{at}/texts/{tag}/body"), format!("needs 1 to {MAX_BODY_BYTES} bytes"));
        }
    }
    if consent.minutes.is_some_and(|minutes| !(1..=1440).contains(&minutes)) {
        return refuse(format!("{at}/minutes"), "must be 1 to 1440");
    }
    if consent.max_reminders.is_some_and(|reminders| !(1..=100).contains(&reminders)) {
        return refuse(format!("{at}/max_reminders"), "must be 1 to 100");
    }
    if consent.unavailable.len() > MAX_UNAVAILABLE
        || consent.unavailable.iter().any(|one| one.trim().is_empty() || one.len() > MAX_TITLE_BYTES)
    {
        let problem = format!("takes at most {MAX_UNAVAILABLE} names of 1 to {MAX_TITLE_BYTES} bytes");
        return refuse(format!("{at}/unavailable"), problem);
    }
    check_reason(&format!("{at}/force_reason"), consent.force_reason.as_deref())
}

/// Refuses a reason that says nothing, or too much.
pub(super) fn check_reason(at: &str, reason: Option<&str>) -> Result<(), PlanError> {
    if reason.is_some_and(|reason| reason.trim().is_empty() || reason.len() > MAX_REASON_BYTES) {
        return refuse(at, format!("needs 1 to {MAX_REASON_BYTES} bytes"));
    }
    Ok(())
}
