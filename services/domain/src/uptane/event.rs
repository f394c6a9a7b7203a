//! Events that a client reports while it works. They are not signed, so they tell how far it is and never how it ended:
//! that is in the manifest.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::direction::Direction;
use crate::ack::ReportedState;
use crate::id::CampaignId;

/// An event, as aktualizr writes it. Fields that are not named here are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub event_type: EventType,
    #[serde(default)]
    pub device_time: Option<DateTime<Utc>>,
    #[serde(default)]
    pub event: EventBody,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EventType {
    pub id: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventBody {
    #[serde(default)]
    pub correlation_id: Option<String>,
    #[serde(default)]
    pub success: Option<bool>,
}

/// A step of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventStep {
    pub campaign: CampaignId,
    pub attempt: u32,
    pub state: ReportedState,
}

impl Event {
    /// The step that the event tells of, if it tells of one. Of several ECUs each reports for itself, so one that has its
    /// file says that for the vehicle only where it is the only one.
    #[must_use]
    pub fn step(&self, only_ecu: bool) -> Option<EventStep> {
        let (campaign, attempt) = Direction::attempt_of(self.event.correlation_id.as_deref()?)?;
        let state = match self.event_type.id.as_str() {
            "EcuDownloadStarted" => ReportedState::Downloading,
            "EcuDownloadCompleted" if only_ecu && self.event.success == Some(true) => ReportedState::Downloaded,
            "EcuDownloadCompleted" => ReportedState::Downloading,
            "EcuInstallationStarted" | "EcuInstallationApplied" | "EcuInstallationCompleted" => {
                ReportedState::Installing
            }
            _ => return None,
        };
        Some(EventStep { campaign, attempt, state })
    }
}
