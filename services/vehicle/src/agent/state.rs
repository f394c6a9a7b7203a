//! What the agent must not forget: what runs on its ECUs, how far each attempt is, and the reports that
//! nobody has taken yet. A step and its report are one write of one file, so after a kill there is never
//! a step without its report, nor a sequence that was given twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use otaru_domain::ack::{AckReport, Health, MAX_LOG_BYTES, ReportedState, VehicleWait, cut};
use otaru_domain::id::{CampaignId, HardwareId, Vin};
use otaru_domain::release::Installation;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::files::{StorageError, read_if_there, write_atomically};
use super::slots::Slot;
use crate::offer::{Ecu, Image};

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    Accepted,
    /// The progress last reported.
    Downloading {
        percent: u8,
    },
    Downloaded,
    /// The slot that is written and then made the active one.
    Installing {
        slot: Slot,
    },
    /// Over, well or badly: never run again.
    Finished,
}

/// One attempt of one campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) attempt: u32,
    /// The sequence of the last report.
    pub(crate) sequence: u64,
    pub(crate) step: Step,
    /// What is still to be installed, in order.
    pub(crate) images: Vec<Image>,
    #[serde(default)]
    pub(crate) installation: Installation,
    /// How many images of an ordered installation run already.
    #[serde(default)]
    pub(crate) installed: usize,
    /// What came of making images by deltas.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) by_delta: BTreeMap<HardwareId, ByDelta>,
}

/// What came of making an image by a delta.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ByDelta {
    /// How often it was begun.
    pub(crate) tries: u8,
    /// The image is downloaded whole.
    pub(crate) is_given_up: bool,
    /// What is told of it.
    pub(crate) said: Option<String>,
}

impl Attempt {
    /// One that begins.
    pub(crate) fn new(attempt: u32, images: &[Image], installation: Installation) -> Self {
        Self {
            attempt,
            sequence: 0,
            step: Step::Accepted,
            images: images.to_vec(),
            installation,
            installed: 0,
            by_delta: BTreeMap::new(),
        }
    }

    /// Takes so many images as installed; how far the installation is then, in percent.
    pub(crate) fn advance(&mut self, images: usize) -> u8 {
        self.images.drain(..images.min(self.images.len()));
        self.installed += images;
        u8::try_from(self.installed * 100 / (self.installed + self.images.len()).max(1)).unwrap_or(100)
    }

    /// What is told of the deltas, a line each.
    pub(crate) fn of_deltas(&self) -> Option<String> {
        let said: Vec<&str> = self.by_delta.values().filter_map(|one| one.said.as_deref()).collect();
        if said.is_empty() { None } else { Some(said.join("\n")) }
    }

    /// The images to switch to next: all of them, or the first in order.
    pub(crate) fn next(&self) -> &[Image] {
        match self.installation {
            Installation::Atomic => &self.images,
            Installation::Ordered => &self.images[..self.images.len().min(1)],
        }
    }
}

/// What is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    schema_version: u32,
    vin: Vin,
    pub(crate) ecus: BTreeMap<HardwareId, Ecu>,
    /// The newest attempt of each campaign that the vehicle ever took part in.
    pub(crate) attempts: BTreeMap<CampaignId, Attempt>,
    /// Reports that were not accepted yet, oldest first.
    pub(crate) acks: Vec<AckReport>,
    /// Reports that an MQTT broker has, newest last: a gateway may refuse them yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) with_broker: Vec<AckReport>,
    /// What the ECUs run was not told yet.
    pub(crate) inventory_due: bool,
    /// Of the last inventory that was signed.
    #[serde(default)]
    pub(crate) inventory_sequence: u64,
}

/// What a report says beside its state.
#[derive(Debug, Default)]
pub(crate) struct Detail {
    pub(crate) progress_percent: Option<u8>,
    pub(crate) error_code: Option<String>,
    pub(crate) log: Option<String>,
    pub(crate) waiting_for: Option<VehicleWait>,
    pub(crate) health: Option<Health>,
    /// What the ECUs run, with an end.
    pub(crate) versions: BTreeMap<HardwareId, String>,
}

impl State {
    /// Queues a report of the campaign's present attempt under its next sequence.
    pub(crate) fn report(
        &mut self,
        campaign: CampaignId,
        state: ReportedState,
        detail: Detail,
        reported_at: Option<DateTime<Utc>>,
    ) {
        let Some(attempt) = self.attempts.get_mut(&campaign) else { return };
        attempt.sequence += 1;
        let (number, sequence) = (attempt.attempt, attempt.sequence);
        self.acks.push(AckReport {
            id: Some(Uuid::new_v4()),
            progress_percent: detail.progress_percent,
            health: detail.health,
            error_code: detail.error_code,
            log: detail.log.map(|log| cut(log, MAX_LOG_BYTES)),
            waiting_for: detail.waiting_for,
            versions: detail.versions,
            reported_at,
            ..AckReport::of(campaign, number, sequence, state)
        });
    }

    /// What runs on each ECU.
    pub(crate) fn versions(&self) -> BTreeMap<HardwareId, String> {
        self.ecus.iter().map(|(id, ecu)| (id.clone(), ecu.version.clone())).collect()
    }

    pub(crate) fn set_step(&mut self, campaign: CampaignId, step: Step) {
        if let Some(attempt) = self.attempts.get_mut(&campaign) {
            attempt.step = step;
            if step == Step::Finished {
                attempt.images.clear();
            }
        }
    }

    /// An installation that was begun and must be brought to an end before anything else.
    pub(crate) fn installing(&self) -> Option<(CampaignId, Slot)> {
        self.attempts.iter().find_map(|(campaign, attempt)| match attempt.step {
            Step::Installing { slot } => Some((*campaign, slot)),
            _ => None,
        })
    }
}

#[derive(Debug, Error)]
pub(crate) enum StateError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("{path} is not an agent's state: {reason}; move it away to begin anew")]
    Unreadable { path: PathBuf, reason: String },
    #[error("{path} is the state of {found}: give each vehicle a state folder of its own")]
    OtherVehicle { path: PathBuf, found: Vin },
}

/// The state and its file.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    state: State,
}

impl StateFile {
    /// Reads the state, or begins one. ECUs that are not in it yet are added with the versions given.
    pub(crate) fn open(dir: &Path, vin: &Vin, ecus: &BTreeMap<HardwareId, String>) -> Result<Self, StateError> {
        let path = dir.join("state.json");
        let unreadable = |reason: String| StateError::Unreadable { path: path.clone(), reason };
        let mut state = match read_if_there(&path)? {
            Some(bytes) => {
                let state: State = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
                if state.vin != *vin {
                    return Err(StateError::OtherVehicle { path, found: state.vin });
                }
                state
            }
            None => State {
                schema_version: 1,
                vin: vin.clone(),
                ecus: BTreeMap::new(),
                attempts: BTreeMap::new(),
                acks: Vec::new(),
                with_broker: Vec::new(),
                inventory_due: true,
                inventory_sequence: 0,
            },
        };
        for (hardware_id, version) in ecus {
            let ecu = Ecu { version: version.clone(), release_counter: None };
            state.ecus.entry(hardware_id.clone()).or_insert(ecu);
        }
        // What ran while the agent did not is unknown to the server: it is told at each start.
        state.inventory_due = true;
        let mut file = Self { path, state: state.clone() };
        file.change(|next| *next = state)?;
        Ok(file)
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Changes the state on disk, then in memory: what cannot be written has not happened.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut State)) -> Result<(), StateError> {
        let mut next = self.state.clone();
        change(&mut next);
        let bytes = serde_json::to_vec_pretty(&next)
            .map_err(|error| StateError::Unreadable { path: self.path.clone(), reason: error.to_string() })?;
        write_atomically(&self.path, &bytes)?;
        self.state = next;
        Ok(())
    }
}
