//! The vehicle version manifest, and the checks that a server makes before it believes one (Standard 2.1.0, 5.3.2.1): who
//! it is from, that all ECUs of the inventory are in it, that each signed its own part, that no time went back, and that
//! it was not sent before. What fails one of them is dropped as a whole.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::canonical::canonical;
use super::envelope::Envelope;
use super::key::EcuKey;
use super::outcome::InstallationReport;
use super::serial::EcuSerial;
use crate::ack::{MAX_AHEAD, cut};
use crate::id::HardwareId;
use crate::inventory::MAX_ENTRIES;
use crate::tuf::Target;

const MAX_NAME_BYTES: usize = 512;
const MAX_ATTACKS_BYTES: usize = 1024;

/// An ECU of the inventory, and what it said last.
#[derive(Debug, Clone)]
pub struct Inventoried {
    pub serial: EcuSerial,
    pub hardware_id: HardwareId,
    pub is_primary: bool,
    pub key: EcuKey,
    pub counter: Option<u64>,
    pub time: Option<DateTime<Utc>>,
    pub report_sha256: Option<[u8; 32]>,
}

/// The image that an ECU says it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledImage {
    pub name: String,
    pub length: u64,
    pub sha256: String,
}

/// What an ECU says, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcuVersion {
    pub serial: EcuSerial,
    pub hardware_id: HardwareId,
    pub is_primary: bool,
    pub image: InstalledImage,
    /// The ECU's own words, empty for none.
    pub attacks_detected: String,
    /// The latest time that it could verify.
    pub time: DateTime<Utc>,
    pub counter: Option<u64>,
    pub report_sha256: [u8; 32],
}

/// What a vehicle says, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub ecus: Vec<EcuVersion>,
    pub report: Option<InstallationReport>,
}

/// Why a manifest is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("the manifest cannot be read: {0}")]
    Unparsable(String),
    #[error("the vehicle has no registered ECUs: POST them to director/ecus first")]
    NotRegistered,
    #[error("{got} is not the vehicle's Primary, which is {expected}")]
    OtherPrimary { got: String, expected: EcuSerial },
    #[error("the manifest is not signed with the key of the Primary {0}")]
    Signature(EcuSerial),
    #[error("the ECU {0} of the inventory is not in the manifest")]
    Missing(EcuSerial),
    #[error("the manifest has an ECU {0} that is not registered")]
    UnknownEcu(String),
    #[error("the report of the ECU {0} is not signed with its key")]
    EcuSignature(EcuSerial),
    #[error("the report of the ECU {0} names another ECU: {1}")]
    OtherEcu(EcuSerial, String),
    #[error("the ECU {0} says a time that is more than a day ahead: {1}")]
    FarFuture(EcuSerial, DateTime<Utc>),
    #[error("the ECU {0} said a later time before: {1}")]
    TimeWentBack(EcuSerial, DateTime<Utc>),
    #[error("the report of the ECU {0} has no report_counter")]
    NoCounter(EcuSerial),
    #[error("the ECU {serial} used the report_counter {counter} before, or a higher one")]
    Replayed { serial: EcuSerial, counter: u64 },
    #[error("the ECU {serial} runs a file under the name {name} that is not the one of that name")]
    ImageDiffers { serial: EcuSerial, name: String },
}

impl Refusal {
    /// For programs, metrics and dead letters.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unparsable(_) => "manifest_unparsable",
            Self::NotRegistered => "ecus_not_registered",
            Self::OtherPrimary { .. } => "manifest_other_primary",
            Self::Signature(_) => "manifest_signature",
            Self::Missing(_) => "manifest_ecu_missing",
            Self::UnknownEcu(_) => "manifest_ecu_unknown",
            Self::EcuSignature(_) => "manifest_ecu_signature",
            Self::OtherEcu(..) => "manifest_other_ecu",
            Self::FarFuture(..) => "manifest_far_future",
            Self::TimeWentBack(..) => "manifest_time_went_back",
            Self::NoCounter(_) => "manifest_no_counter",
            Self::Replayed { .. } => "manifest_replayed",
            Self::ImageDiffers { .. } => "manifest_image_differs",
        }
    }
}

#[derive(Deserialize)]
struct Vehicle {
    primary_ecu_serial: String,
    ecu_version_manifests: BTreeMap<String, Envelope>,
    #[serde(default)]
    installation_report: Option<ReportField>,
}

#[derive(Deserialize)]
struct ReportField {
    report: InstallationReport,
}

#[derive(Deserialize)]
struct EcuReport {
    ecu_serial: String,
    installed_image: Installed,
    #[serde(default)]
    attacks_detected: String,
    timeserver_time: DateTime<Utc>,
    #[serde(default, deserialize_with = "counter")]
    report_counter: Option<u64>,
}

#[derive(Deserialize)]
struct Installed {
    filepath: String,
    fileinfo: FileInfo,
}

#[derive(Deserialize)]
struct FileInfo {
    length: u64,
    hashes: BTreeMap<String, String>,
}

/// aktualizr writes the counter as a text, others as a number.
fn counter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    match Option::<Either>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Either::Number(number)) => Ok(Some(number)),
        Some(Either::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// Holds a manifest against the vehicle's inventory, at `now`.
///
/// # Errors
/// The first [`Refusal`].
pub fn check(bytes: &[u8], inventory: &[Inventoried], now: DateTime<Utc>) -> Result<Manifest, Refusal> {
    let primary = inventory.iter().find(|ecu| ecu.is_primary).ok_or(Refusal::NotRegistered)?;
    let envelope: Envelope = parse(serde_json::from_slice(bytes))?;
    if !envelope.is_signed_by(&primary.key) {
        return Err(Refusal::Signature(primary.serial.clone()));
    }
    let vehicle: Vehicle = parse(serde_json::from_value(envelope.signed))?;
    if vehicle.primary_ecu_serial != primary.serial.as_str() {
        let got = excerpt(&vehicle.primary_ecu_serial);
        return Err(Refusal::OtherPrimary { got, expected: primary.serial.clone() });
    }
    let mut reports = vehicle.ecu_version_manifests;
    if reports.len() > MAX_ENTRIES {
        return Err(Refusal::Unparsable(format!("it has more than {MAX_ENTRIES} ECUs")));
    }
    let mut ecus = Vec::new();
    for ecu in inventory {
        let report = reports.remove(ecu.serial.as_str()).ok_or_else(|| Refusal::Missing(ecu.serial.clone()))?;
        ecus.push(check_ecu(ecu, report, now)?);
    }
    if let Some((serial, _)) = reports.pop_first() {
        return Err(Refusal::UnknownEcu(excerpt(&serial)));
    }
    let report = vehicle.installation_report.map(|field| field.report);
    Ok(Manifest { ecus, report })
}

fn check_ecu(ecu: &Inventoried, envelope: Envelope, now: DateTime<Utc>) -> Result<EcuVersion, Refusal> {
    let serial = || ecu.serial.clone();
    if !envelope.is_signed_by(&ecu.key) {
        return Err(Refusal::EcuSignature(serial()));
    }
    let bytes = canonical(&envelope.signed).map_err(|error| Refusal::Unparsable(error.to_string()))?;
    let report_sha256: [u8; 32] = Sha256::digest(bytes).into();
    let report: EcuReport = parse(serde_json::from_value(envelope.signed))?;
    if report.ecu_serial != ecu.serial.as_str() {
        return Err(Refusal::OtherEcu(serial(), excerpt(&report.ecu_serial)));
    }
    if report.timeserver_time > now + MAX_AHEAD {
        return Err(Refusal::FarFuture(serial(), report.timeserver_time));
    }
    if let Some(before) = ecu.time.filter(|before| report.timeserver_time < *before) {
        return Err(Refusal::TimeWentBack(serial(), before));
    }
    check_counter(ecu, report.report_counter, report_sha256)?;
    let Installed { filepath: name, fileinfo } = report.installed_image;
    let sha256 = fileinfo.hashes.get("sha256").map(|hash| hash.to_ascii_lowercase()).unwrap_or_default();
    let odd = name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control);
    if odd || crate::id::Sha256::parse(&sha256).is_err() {
        return Err(Refusal::Unparsable(format!("the image of the ECU {} has no name or SHA-256", ecu.serial)));
    }
    Ok(EcuVersion {
        serial: serial(),
        hardware_id: ecu.hardware_id.clone(),
        is_primary: ecu.is_primary,
        image: InstalledImage { name, length: fileinfo.length, sha256 },
        attacks_detected: cut(report.attacks_detected, MAX_ATTACKS_BYTES),
        time: report.timeserver_time,
        counter: report.report_counter,
        report_sha256,
    })
}

/// A Primary counts its reports. A Secondary may, and then never stops to; of one that is away the Primary sends the last
/// report again. aktualizr's own Secondaries do not count, and for them the time and the Primary's counter have to do.
fn check_counter(ecu: &Inventoried, counter: Option<u64>, report_sha256: [u8; 32]) -> Result<(), Refusal> {
    let cached = !ecu.is_primary && ecu.report_sha256 == Some(report_sha256);
    match (counter, ecu.counter) {
        (None, None) if !ecu.is_primary => Ok(()),
        (None, _) => Err(Refusal::NoCounter(ecu.serial.clone())),
        (Some(counter), Some(before)) if counter <= before && !cached => {
            Err(Refusal::Replayed { serial: ecu.serial.clone(), counter })
        }
        (Some(_), _) => Ok(()),
    }
}

impl Manifest {
    /// That no ECU runs something else under the name of one of the model's images.
    ///
    /// # Errors
    /// [`Refusal::ImageDiffers`].
    pub fn check_images(&self, targets: &BTreeMap<String, Target>) -> Result<(), Refusal> {
        for ecu in &self.ecus {
            let Some(target) = targets.get(&ecu.image.name) else { continue };
            if target.hashes.sha256 != ecu.image.sha256 || target.length != ecu.image.length {
                return Err(Refusal::ImageDiffers { serial: ecu.serial.clone(), name: ecu.image.name.clone() });
            }
        }
        Ok(())
    }
}

fn parse<T>(result: Result<T, serde_json::Error>) -> Result<T, Refusal> {
    result.map_err(|error| Refusal::Unparsable(excerpt(&error.to_string())))
}

/// Cuts what a stranger sent before it is quoted.
fn excerpt(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(160).collect()
}
