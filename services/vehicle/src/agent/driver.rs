//! The driver, as far as the agent goes: a file with what to show, which the vehicle's screen reads, and one with the
//! answer, which it writes. Both are in the folder `driver` of the agent's state.

use std::path::{Path, PathBuf};

use otaru_domain::ack::ReportedState;
use otaru_domain::id::CampaignId;
use otaru_domain::rollout::Consent;
use serde::{Deserialize, Serialize};

use super::files::{StorageError, at, read_if_there, write_atomically};

/// What is to be shown. Without `consent` and with a result it tells how an update ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    schema_version: u32,
    campaign: CampaignId,
    attempt: u32,
    /// How often the driver wanted to be reminded later.
    reminders: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consent: Option<Consent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<ReportedState>,
}

/// What the driver said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Granted,
    Declined,
    Later,
}

#[derive(Deserialize)]
struct Said {
    campaign: CampaignId,
    attempt: u32,
    answer: Answer,
}

/// The two files.
#[derive(Debug)]
pub(super) struct Driver {
    shown: PathBuf,
    answer: PathBuf,
}

impl Driver {
    pub(super) fn open(state_dir: &Path) -> Result<Self, StorageError> {
        let dir = state_dir.join("driver");
        at(&dir, std::fs::create_dir_all(&dir))?;
        Ok(Self { shown: dir.join("shown.json"), answer: dir.join("answer.json") })
    }

    /// Shows what the campaign has to say; how often the driver wanted to be reminded of it.
    pub(super) fn show(&self, campaign: CampaignId, attempt: u32, consent: &Consent) -> Result<u32, StorageError> {
        let known = self.known()?.filter(|known| (known.campaign, known.attempt) == (campaign, attempt));
        let reminders = known.as_ref().map_or(0, |known| known.reminders);
        let next =
            Shown { schema_version: 1, campaign, attempt, reminders, consent: Some(consent.clone()), result: None };
        if known.as_ref() != Some(&next) {
            self.write(&next)?;
        }
        Ok(reminders)
    }

    /// The answer to this attempt, if there is one. What cannot be read is none.
    pub(super) fn answer(&self, campaign: CampaignId, attempt: u32) -> Result<Option<Answer>, StorageError> {
        let said = read_if_there(&self.answer)?.and_then(|bytes| serde_json::from_slice::<Said>(&bytes).ok());
        Ok(said.filter(|said| (said.campaign, said.attempt) == (campaign, attempt)).map(|said| said.answer))
    }

    /// Notes that the driver wants to be asked again.
    pub(super) fn remind_later(&self) -> Result<(), StorageError> {
        if let Some(mut known) = self.known()? {
            known.reminders += 1;
            self.write(&known)?;
        }
        self.forget_answer()
    }

    /// Tells how an update ended that the driver knows of.
    pub(super) fn tell(&self, campaign: CampaignId, result: ReportedState) -> Result<(), StorageError> {
        if let Some(known) = self.known()?.filter(|known| known.campaign == campaign && known.result.is_none()) {
            self.write(&Shown { consent: None, result: Some(result), ..known })?;
        }
        self.forget_answer()
    }

    fn known(&self) -> Result<Option<Shown>, StorageError> {
        Ok(read_if_there(&self.shown)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn write(&self, shown: &Shown) -> Result<(), StorageError> {
        let bytes = serde_json::to_vec_pretty(shown).map_err(std::io::Error::other);
        write_atomically(&self.shown, &at(&self.shown, bytes)?)
    }

    fn forget_answer(&self) -> Result<(), StorageError> {
        match std::fs::remove_file(&self.answer) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => at(&self.answer, removed),
        }
    }
}
