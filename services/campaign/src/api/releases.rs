//! Releases. A draft may change; locking it fixes it for ever and signs its images into the targets of every
//! model it is for, in one transaction.

mod lock;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::{HardwareId, ModelId, ReleaseId, Sha256};
use otaru_domain::release::{ReleaseState, target_name};
use otaru_domain::version::MAX_VERSION_BYTES;
use otaru_http::{Json, Problem};
use otaru_store::releases::{self, Draft, NameTaken};
use otaru_store::{StoreError, Tx, artifacts, audit, models};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Actor;
use crate::check;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

const MAX_NAME_BYTES: usize = 200;
const MAX_NOTES_BYTES: usize = 64 << 10;
const MAX_MODELS: usize = 1000;
const MAX_IMAGES: usize = 256;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, put)).merge(lock::routes())
}

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
}

/// A release to be created or changed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRelease)]
pub struct Body {
    /// For people; unique together with the version.
    #[schema(example = "Spring update", max_length = 200)]
    pub name: String,
    /// The release's own version.
    #[schema(example = "2025.4", min_length = 1, max_length = 64)]
    pub version: String,
    #[serde(default)]
    #[schema(max_length = 65536)]
    pub notes: String,
    /// The RXSWIN of a vehicle that has it (UN R156).
    #[schema(max_length = 64)]
    pub rxswin: Option<String>,
    /// The models it is for. Each must have all of its hardware ids.
    pub models: Vec<ModelId>,
    /// One image per hardware id.
    pub images: Vec<NewImage>,
}

/// An image of a release.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Image {
    pub hardware_id: HardwareId,
    pub sha256: Sha256,
    pub version: String,
    /// Its name among the models' targets.
    #[schema(example = "BCM-2.3.0-r4.bin")]
    pub target_name: String,
    pub length_bytes: u64,
}

/// A release.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Release {
    #[schema(example = 4)]
    pub id: ReleaseId,
    pub name: String,
    pub version: String,
    pub state: ReleaseState,
    pub notes: String,
    pub rxswin: Option<String>,
    /// Rises with every lock: a vehicle refuses a lower one.
    pub release_counter: Option<i64>,
    pub models: Vec<ModelId>,
    pub images: Vec<Image>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub locked_at: Option<DateTime<Utc>>,
}

/// Releases, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReleasePage {
    pub items: Vec<Release>,
    pub next_cursor: Option<String>,
}

impl From<releases::Release> for Release {
    fn from(release: releases::Release) -> Self {
        let image = |image: releases::Image| Image {
            hardware_id: image.hardware_id,
            sha256: image.sha256,
            version: image.version,
            target_name: image.target_name,
            length_bytes: image.length_bytes,
        };
        Self {
            id: release.id,
            name: release.name,
            version: release.version,
            state: release.state,
            notes: release.notes,
            rxswin: release.rxswin,
            release_counter: release.release_counter,
            models: release.models,
            images: release.images.into_iter().map(image).collect(),
            created_at: release.created_at,
            created_by: release.created_by,
            locked_at: release.locked_at,
        }
    }
}

fn not_found(id: ReleaseId) -> ApiError {
    Problem::not_found(format!("there is no release {id}")).into()
}

async fn find(app: &App, id: ReleaseId) -> Result<Release, ApiError> {
    releases::get(&app.store, id).await?.map(Release::from).ok_or_else(|| not_found(id))
}

/// List releases.
#[utoipa::path(get, path = "/releases", tag = "releases", operation_id = "list_releases", params(PageQuery), responses((status = 200, body = ReleasePage)))]
async fn list(State(app): State<App>, _: Actor, Query(page): Query<PageQuery>) -> Result<Json<ReleasePage>, ApiError> {
    let window = page.window::<ReleaseId>()?;
    let rows = releases::list(&app.store, window.after, window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |release| release.id);
    Ok(Json(ReleasePage { items: rows.into_iter().map(Release::from).collect(), next_cursor }))
}

/// One release.
#[utoipa::path(get, path = "/releases/{id}", tag = "releases", operation_id = "get_release",
    params(("id" = i64, Path)), responses((status = 200, body = Release)))]
async fn get(State(app): State<App>, _: Actor, PathPart(id): PathPart<ReleaseId>) -> Result<Json<Release>, ApiError> {
    Ok(Json(find(&app, id).await?))
}

/// Draft a release.
#[utoipa::path(post, path = "/releases", tag = "releases", operation_id = "create_release", request_body = Body,
    responses((status = 201, body = Release)))]
async fn create(
    State(app): State<App>,
    actor: Actor,
    Json(body): Json<Body>,
) -> Result<(StatusCode, Json<Release>), ApiError> {
    actor.require_models(&body.models)?;
    let files = validate(&app, &body).await?;
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let id = releases::create(&mut tx, &body.draft(), &actor.name, now).await?.map_err(|NameTaken| taken(&body))?;
    set_contents(&mut tx, id, &body, &files).await?;
    record(&mut tx, &actor, "release_created", id, &body, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok((StatusCode::CREATED, Json(find(&app, id).await?)))
}

/// Change a draft
///
/// Replaces all of it. A locked release never changes: draft another.
#[utoipa::path(put, path = "/releases/{id}", tag = "releases", operation_id = "change_release", request_body = Body,
    params(("id" = i64, Path)), responses((status = 200, body = Release)))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ReleaseId>,
    Json(body): Json<Body>,
) -> Result<Json<Release>, ApiError> {
    actor.require_models(&body.models)?;
    let files = validate(&app, &body).await?;
    let mut tx = app.store.begin().await?;
    let release = releases::lock(&mut tx, id).await?.ok_or_else(|| not_found(id))?;
    require_draft(&release)?;
    releases::update(&mut tx, id, &body.draft()).await?.map_err(|NameTaken| taken(&body))?;
    set_contents(&mut tx, id, &body, &files).await?;
    record(&mut tx, &actor, "release_changed", id, &body, clock::now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(find(&app, id).await?))
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    action: &str,
    id: ReleaseId,
    body: &Body,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let images = body.images.iter().map(|image| (image.hardware_id.as_str(), image.sha256.as_str()));
    let details = json!({
        "name": body.name, "version": body.version, "rxswin": body.rxswin, "models": body.models,
        "images": images.collect::<BTreeMap<_, _>>(),
    });
    audit::record(tx, &actor.name, action, &format!("release-{id}"), &details, now).await
}

impl Body {
    fn draft(&self) -> Draft<'_> {
        Draft { name: &self.name, version: &self.version, notes: &self.notes, rxswin: self.rxswin.as_deref() }
    }
}

fn taken(body: &Body) -> ApiError {
    let detail = format!("there is a release {:?} {:?} already", body.name, body.version);
    Problem::conflict("release-exists", detail).pointer("/version").into()
}

fn require_draft(release: &releases::Release) -> Result<(), Problem> {
    match release.state {
        ReleaseState::Draft => Ok(()),
        state => Err(Problem::conflict(
            "release-not-draft",
            format!("release {} is {} and never changes; draft another", release.id, state.as_str()),
        )),
    }
}

/// The artifacts' file names by hash.
type FileNames = BTreeMap<Sha256, String>;

async fn set_contents(tx: &mut Tx, id: ReleaseId, body: &Body, files: &FileNames) -> Result<(), StoreError> {
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
    };
    let images: Vec<_> = body.images.iter().map(image).collect();
    releases::set_contents(tx, id, &body.models, &images).await
}

async fn validate(app: &App, body: &Body) -> Result<FileNames, ApiError> {
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
    }
    match check::first_repeated(&body.images, |image| image.hardware_id.clone()) {
        Some(at) => {
            Err(Problem::invalid(format!("/images/{at}/hardware_id"), "an earlier image is for it, too: one each"))
        }
        None => Ok(()),
    }
}

/// Signed metadata stays ASCII without control characters, so that every client agrees on its form.
fn check_version(pointer: &str, version: &str) -> Result<(), Problem> {
    let plain = version.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if plain && !version.trim().is_empty() && version.len() <= MAX_VERSION_BYTES {
        return Ok(());
    }
    Err(Problem::invalid(pointer, format!("must be 1 to {MAX_VERSION_BYTES} printable ASCII characters")))
}
