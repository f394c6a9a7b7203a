//! What a verified manifest becomes: acknowledgements of the update that the vehicle was directed to, and an inventory where
//! something changed. And what becomes of one that was dropped: a dead letter.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_bus::Message;
use otaru_domain::ack::{AckReport, ReportedState};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, HardwareId};
use otaru_domain::inventory::{EcuReport, InventoryReport};
use otaru_domain::token::Claims;
use otaru_domain::topic;
use otaru_domain::tuf::Target;
use otaru_domain::uptane::manifest::{EcuVersion, Manifest};
use otaru_domain::uptane::{Direction, InstallationReport, Outcome};
use otaru_domain::version::sort_key;
use otaru_http::Problem;
use otaru_store::uptane::{self as rows, Told};
use sha2::{Digest as _, Sha256};

use super::device::director;
use crate::app::App;
use crate::offers::message;
use crate::{problems, signatures};

/// How long an inventory that says the same is not said again.
const SAY_AGAIN: TimeDelta = TimeDelta::hours(24);
/// A longer one is cut for the dead letters.
const MAX_DEAD_LETTER_BYTES: usize = 64 * 1024;

/// What each hardware id runs. Where several ECUs have one, the lowest version stands for all: none is done before all are.
pub(super) type Versions = BTreeMap<HardwareId, (String, String)>;

/// The versions of the images that the ECUs report, with the ECU's serial.
pub(super) async fn versions(
    app: &App,
    manifest: &Manifest,
    targets: &BTreeMap<String, Target>,
) -> Result<Versions, Problem> {
    let mut versions = Versions::new();
    for ecu in &manifest.ecus {
        let version = version(app, ecu, targets).await?;
        let known =
            versions.entry(ecu.hardware_id.clone()).or_insert_with(|| (version.clone(), ecu.serial.to_string()));
        if sort_key(&version) < sort_key(&known.0) {
            *known = (version, ecu.serial.to_string());
        }
    }
    Ok(versions)
}

/// What the model's signed targets call the image, else the release that had it; what nobody knows is named by its hash,
/// as is software from before the vehicle was on Otaru.
async fn version(app: &App, ecu: &EcuVersion, targets: &BTreeMap<String, Target>) -> Result<String, Problem> {
    let image = &ecu.image;
    let signed = targets.get(&image.name).and_then(|target| target.custom.as_ref());
    if let Some(custom) = signed {
        return Ok(custom.version.clone());
    }
    let cache = &director(app)?.versions;
    let key = (image.name.clone(), image.sha256.clone());
    let found = match cache.get(&key) {
        Some(found) => found,
        None => {
            let found = rows::version_of(&app.store, &image.name, &image.sha256).await;
            let found = found.map_err(|error| problems::not_read(app, &error))?;
            cache.insert(key, found.clone());
            found
        }
    };
    Ok(found.unwrap_or_else(|| format!("unknown-{}", image.sha256.get(..12).unwrap_or_default())))
}

/// Writes what the manifest says of the update that the vehicle was directed to; whether that is its end.
pub(super) async fn acknowledge(
    app: &App,
    claims: &Claims,
    manifest: &Manifest,
    told: Option<&Told>,
    versions: &Versions,
    now: DateTime<Utc>,
) -> Result<bool, Problem> {
    let directed = told.and_then(|told| told.directed.as_ref());
    let attempt = directed.map(|directed| (directed.campaign, directed.attempt));
    let mut said = Vec::new();
    if let Some((attempt, outcome)) = attempt.zip(directed.and_then(|directed| manifest.outcome(directed))) {
        said.push((attempt, outcome));
    }
    // A failure of an update that the vehicle is not directed to any more is heard all the same.
    if let Some(report) = &manifest.report
        && let Some(other) = Direction::attempt_of(&report.correlation_id).filter(|other| attempt != Some(*other))
        && let Some(failure) = InstallationReport::failure(report)
    {
        said.push((other, failure));
    }
    let mut ended = false;
    for ((campaign, number), outcome) in said {
        let report = report_of(campaign, number, outcome, versions);
        ended |= attempt == Some((campaign, number)) && AssignmentState::from(report.state).is_terminal();
        send(app, claims, report, now).await?;
    }
    Ok(ended)
}

fn report_of(campaign: CampaignId, attempt: u32, outcome: Outcome, versions: &Versions) -> AckReport {
    let of = |state: ReportedState, progress_percent: Option<u8>| AckReport {
        progress_percent,
        ..AckReport::of(campaign, attempt, state.derived_sequence(progress_percent), state)
    };
    let versions = || versions.iter().map(|(ecu, (version, _))| (ecu.clone(), version.clone())).collect();
    match outcome {
        Outcome::Installing { done, of: all } => {
            of(ReportedState::Installing, u8::try_from(done * 100 / all.max(1)).ok().filter(|percent| *percent <= 100))
        }
        Outcome::Installed => AckReport { versions: versions(), ..of(ReportedState::Installed, None) },
        Outcome::Failed { code, log } => AckReport {
            error_code: Some(code),
            log: Some(log),
            versions: versions(),
            ..of(ReportedState::Failed, None)
        },
    }
}

/// Writes an acknowledgement of the vehicle for good. Where the model asks for reports that the vehicle signed in Otaru's way,
/// there is none: what else the vehicle says is taken.
pub(super) async fn send(app: &App, claims: &Claims, report: AckReport, now: DateTime<Utc>) -> Result<(), Problem> {
    if signatures::are_required(app, &claims.model).await {
        metrics::counter!("otaru_gateway_acks_refused_total", "reason" => "signature").increment(1);
        return Ok(());
    }
    report.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    let ack = report.into_ack(claims.vin.clone(), Some(claims.model.clone()), now);
    let message = message(&claims.vin, &ack)?;
    app.producer.send(topic::ACKS, message).await.map_err(|error| problems::not_written(app, &error))?;
    app.broker.answered();
    metrics::counter!("otaru_gateway_acks_total", "state" => ack.state.as_str()).increment(1);
    Ok(())
}

/// Writes an inventory, if it says something new or was not said for a day; its digest then.
pub(super) async fn inventory(
    app: &App,
    claims: &Claims,
    manifest: &Manifest,
    told: Option<&Told>,
    versions: &Versions,
    now: DateTime<Utc>,
) -> Result<Option<[u8; 32]>, Problem> {
    if signatures::must_sign_inventories(app, &claims.model).await {
        // The Primary's signature is of the manifest: nobody behind this gateway could verify an inventory by it.
        return Ok(None);
    }
    let ecu = |(hardware_id, (version, serial)): (&HardwareId, &(String, String))| EcuReport {
        hardware_id: hardware_id.clone(),
        version: version.clone(),
        serial: Some(serial.clone()),
    };
    let ecus: Vec<EcuReport> = versions.iter().map(ecu).collect();
    let digest: [u8; 32] = Sha256::digest(serde_json::to_vec(&ecus).map_err(|_| Problem::internal())?).into();
    let said = told.filter(|told| told.inventory_sha256 == Some(digest));
    if said.and_then(|told| told.inventory_at).is_some_and(|at| now - at < SAY_AGAIN) {
        return Ok(None);
    }
    let reported_at = manifest.ecus.iter().find(|ecu| ecu.is_primary).map(|ecu| ecu.time);
    let report = InventoryReport::of(ecus, BTreeMap::new(), reported_at);
    report.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    say(app, claims, &report.into_inventory(claims.vin.clone(), Some(claims.model.clone()), now)).await?;
    Ok(Some(digest))
}

/// Writes an inventory for good.
pub(super) async fn say(
    app: &App,
    claims: &Claims,
    inventory: &otaru_domain::inventory::Inventory,
) -> Result<(), Problem> {
    let message = message(&claims.vin, inventory)?;
    app.producer.send(topic::INVENTORIES, message).await.map_err(|error| problems::not_written(app, &error))?;
    app.broker.answered();
    metrics::counter!("otaru_gateway_inventories_total").increment(1);
    Ok(())
}

/// Puts what a vehicle sent aside for people, once in a while for each reason.
pub(super) async fn dead_letter(
    app: &App,
    claims: &Claims,
    reason: &'static str,
    detail: &str,
    body: &[u8],
) -> Result<(), Problem> {
    let letters = &director(app)?.letters;
    let key = (claims.vin.clone(), reason);
    if letters.contains_key(&key) {
        return Ok(());
    }
    let headers = [
        ("origin-topic", "gateway"),
        ("reason", reason),
        ("detail", detail),
        ("schema", "uptane"),
        ("vin", claims.vin.as_str()),
    ];
    let message = Message {
        key: Some(claims.vin.as_str().as_bytes().to_vec()),
        value: Some(body[..body.len().min(MAX_DEAD_LETTER_BYTES)].to_vec()),
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect(),
    };
    app.producer.send(topic::DEAD_LETTERS, message).await.map_err(|error| problems::not_written(app, &error))?;
    app.broker.answered();
    letters.insert(key, ());
    Ok(())
}
