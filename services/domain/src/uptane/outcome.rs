//! What a manifest says of the update that the vehicle was directed to. Installed is what all of its ECUs prove by the
//! image they report; that it failed is the vehicle's own word.

use serde::Deserialize;

use super::direction::{Directed, Direction};
use super::manifest::{EcuVersion, Manifest};
use crate::ack::{MAX_ERROR_CODE_BYTES, MAX_LOG_BYTES, cut};

const NEED_COMPLETION: &str = "NEED_COMPLETION";

/// The report of an installation, as aktualizr writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InstallationReport {
    pub correlation_id: String,
    pub result: InstallationResult,
    #[serde(default)]
    pub raw_report: String,
    #[serde(default)]
    pub items: Vec<InstallationItem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InstallationResult {
    pub success: bool,
    pub code: String,
    #[serde(default)]
    pub description: String,
}

/// What became of one ECU.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InstallationItem {
    pub ecu: String,
    pub result: InstallationResult,
}

impl InstallationResult {
    fn failed(&self) -> bool {
        !self.success && self.code != NEED_COMPLETION
    }
}

/// What became of a direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// So many of its ECUs run their image.
    Installing {
        done: usize,
        of: usize,
    },
    Installed,
    Failed {
        code: String,
        log: String,
    },
}

impl InstallationReport {
    /// The failure that it tells, of the installation as a whole or of one ECU.
    #[must_use]
    pub fn failure(&self) -> Option<Outcome> {
        let failed = |item: &&InstallationItem| item.result.failed();
        if !self.result.failed() && !self.items.iter().any(|item| failed(&item)) {
            return None;
        }
        let of_items = || self.items.iter().find(failed).map(|item| item.result.code.as_str());
        let code = Some(self.result.code.as_str()).filter(|_| self.result.failed()).or_else(of_items);
        let line = |who: &str, result: &InstallationResult| format!("{who}: {} {}", result.code, result.description);
        let mut lines = vec![self.raw_report.clone(), line("vehicle", &self.result)];
        lines.extend(self.items.iter().map(|item| line(&item.ecu, &item.result)));
        Some(Outcome::Failed {
            code: cut(format!("uptane-{}", code.unwrap_or("failed")), MAX_ERROR_CODE_BYTES),
            log: cut(lines.join("\n"), MAX_LOG_BYTES),
        })
    }
}

impl Manifest {
    /// What it says of `directed`; `None` when the vehicle has not begun.
    #[must_use]
    pub fn outcome(&self, directed: &Directed) -> Option<Outcome> {
        let ours = Direction::correlation_id(directed.campaign, directed.attempt);
        let report = self.report.as_ref().filter(|report| report.correlation_id == ours);
        if let Some(failure) = report.and_then(InstallationReport::failure) {
            return Some(failure);
        }
        let (done, of) = (directed.ecus.iter().filter(|ecu| self.runs(ecu)).count(), directed.ecus.len());
        if of > 0 && done == of {
            return Some(Outcome::Installed);
        }
        (done > 0 || report.is_some()).then_some(Outcome::Installing { done, of })
    }

    fn runs(&self, directed: &super::DirectedEcu) -> bool {
        let runs = |ecu: &EcuVersion| {
            ecu.serial == directed.serial
                && ecu.image.sha256 == directed.sha256
                && ecu.image.length == directed.length
                && ecu.image.name == directed.name
        };
        self.ecus.iter().any(runs)
    }
}
