//! What a release consists of, checked: its models, and an image per ECU with what it requires.

use std::collections::BTreeMap;

use otaru_domain::id::{HardwareId, ReleaseId, Sha256};
use otaru_domain::release::{Installation, target_name};
use otaru_domain::requirement::{MAX_REQUIREMENTS, Requirement};
use otaru_domain::version::MAX_VERSION_BYTES;
use otaru_http::Problem;
use otaru_store::{StoreError, Tx, artifacts, models, releases};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Body;
use crate::app::App;
use crate::check;
use crate::error::ApiError;

const MAX_NAME_BYTES: usize = 200;
const MAX_NOTES_BYTES: usize = 64 << 10;
const MAX_MODELS: usize = 1000;
const MAX_IMAGES: usize = 256;

/// What a release installs on a hardware id.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewImage {
    pub hardware_id: HardwareId,
    /// The artifact.
    pub sha256: Sha256,
    /// The version the ECU reports once it runs it: printable ASCII.
    #[schema(example = "2.3.0", min_length = 1, max_length = 64)]
    pub version: String,
    /// What must run on the vehicle's ECUs, up to 32. About its own ECU: the version before, as for a release that is
    /// mandatory on the way. About another one: the version after the update, which the same release may bring.
    #[serde(default)]
    pub requires: Vec<Requirement>,
}

/// The artifacts' file names by hash.
pub(super) type FileNames = BTreeMap<Sha256, String>;

pub(super) async fn set_contents(tx: &mut Tx, id: ReleaseId, body: &Body, files: &FileNames) -> Result<(), StoreError> {
    let image = |image: &NewImage| releases::Image {
        hardware_id: image.hardware_id.clone(),
        sha256: image.sha256.clone(),
        version: image.version.clone(),
        target_name: target_name(
            &image.hardware_id,
            &image.version,
            id,
            files.get(&image.sha256).map_or("", String::as_str),
        ),
        length_bytes: 0,
        requires: image.requires.clone(),
    };
    let images: Vec<_> = body.images.iter().map(image).collect();
    releases::set_contents(tx, id, &body.models, &images).await
}

pub(super) async fn validate(app: &App, body: &Body) -> Result<FileNames, ApiError> {
    check_fields(body)?;
    let known = models::get_all(&app.store, &body.models).await?;
    for (index, id) in body.models.iter().enumerate() {
        let pointer = format!("/models/{index}");
        let model = known.iter().find(|model| model.id == *id);
        let model = model.ok_or_else(|| Problem::invalid(&pointer, format!("there is no model {id}")))?;
        if model.retired_at.is_some() {
            return Err(Problem::invalid(pointer, format!("model {id} is retired")).into());
        }
        if let Some(at) = body.images.iter().position(|image| !model.has_hardware(&image.hardware_id)) {
            let detail = format!("model {id} has no hardware {}", body.images[at].hardware_id);
            return Err(Problem::invalid(format!("/images/{at}/hardware_id"), detail).into());
        }
    }
    let hashes: Vec<&Sha256> = body.images.iter().map(|image| &image.sha256).collect();
    let known = artifacts::get_all(&app.store, &hashes).await?;
    let files: FileNames = known.into_iter().map(|artifact| (artifact.digests.sha256, artifact.file_name)).collect();
    match body.images.iter().position(|image| !files.contains_key(&image.sha256)) {
        Some(at) => {
            let detail = format!("there is no artifact {}: upload it first", body.images[at].sha256);
            Err(Problem::invalid(format!("/images/{at}/sha256"), detail).into())
        }
        None => Ok(files),
    }
}

fn check_fields(body: &Body) -> Result<(), Problem> {
    check::name("/name", &body.name, MAX_NAME_BYTES)?;
    check_version("/version", &body.version)?;
    if body.notes.len() > MAX_NOTES_BYTES {
        return Err(Problem::invalid("/notes", format!("must be at most {MAX_NOTES_BYTES} bytes long")));
    }
    if let Some(rxswin) = &body.rxswin {
        check::name("/rxswin", rxswin, MAX_VERSION_BYTES)?;
    }
    check::count("/models", body.models.len(), 1, MAX_MODELS)?;
    if let Some(at) = check::first_repeated(&body.models, Clone::clone) {
        return Err(Problem::invalid(format!("/models/{at}"), "an earlier entry names it, too"));
    }
    check::count("/images", body.images.len(), 1, MAX_IMAGES)?;
    for (at, image) in body.images.iter().enumerate() {
        check_version(&format!("/images/{at}/version"), &image.version)?;
        check_requirements(at, image, &body.images, body.installation)?;
    }
    match check::first_repeated(&body.images, |image| image.hardware_id.clone()) {
        Some(at) => {
            Err(Problem::invalid(format!("/images/{at}/hardware_id"), "an earlier image is for it, too: one each"))
        }
        None => Ok(()),
    }
}

/// Refuses what could never be met: the release takes the version away that it asks for, or brings it too late.
fn check_requirements(
    at: usize,
    image: &NewImage,
    images: &[NewImage],
    installation: Installation,
) -> Result<(), Problem> {
    check::count(&format!("/images/{at}/requires"), image.requires.len(), 0, MAX_REQUIREMENTS)?;
    for (number, requirement) in image.requires.iter().enumerate() {
        let ecu = &requirement.hardware_id;
        let brings = |other: &&NewImage| other.hardware_id == *ecu && *ecu != image.hardware_id;
        let Some(other) = images.iter().find(brings) else { continue };
        let pointer = format!("/images/{at}/requires/{number}");
        if !requirement.versions.contains(&other.version) {
            let detail = format!("{requirement}, and this release brings {ecu} to {}", other.version);
            return Err(Problem::invalid(pointer, detail));
        }
        if installation == Installation::Ordered && images[at..].iter().any(|other| brings(&other)) {
            let detail = format!("{ecu} comes later in the order: name its image before this one");
            return Err(Problem::invalid(pointer, detail));
        }
    }
    Ok(())
}

/// Signed metadata stays ASCII without control characters, so that every client agrees on its form.
fn check_version(pointer: &str, version: &str) -> Result<(), Problem> {
    let plain = version.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if plain && !version.trim().is_empty() && version.len() <= MAX_VERSION_BYTES {
        return Ok(());
    }
    Err(Problem::invalid(pointer, format!("must be 1 to {MAX_VERSION_BYTES} printable ASCII characters")))
}
