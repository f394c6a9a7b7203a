//! Releases. A draft may change; locking it fixes it for ever and signs its images into the targets of every
//! model it is for, in one transaction.

mod ciphertexts;
mod contents;
mod deltas;
mod lock;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::{HardwareId, ModelId, ReleaseId, Sha256};
use otaru_domain::release::{Installation, ReleaseState};
use otaru_domain::requirement::Requirement;
use otaru_http::{Json, Problem};
use otaru_store::releases::{self, Draft, NameTaken};
use otaru_store::{StoreError, Tx, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use contents::NewImage;
use contents::{set_contents, validate};
pub(crate) use lock::fix;

use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put))
        .merge(lock::routes())
        .merge(deltas::routes())
        .merge(ciphertexts::routes())
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
    /// Whether its images are installed at once, or one after the other in the order given here.
    #[serde(default)]
    pub installation: Installation,
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
    pub requires: Vec<Requirement>,
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
    pub installation: Installation,
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
            requires: image.requires,
        };
        Self {
            id: release.id,
            name: release.name,
            version: release.version,
            state: release.state,
            notes: release.notes,
            rxswin: release.rxswin,
            release_counter: release.release_counter,
            installation: release.installation,
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
        "name": body.name, "version": body.version, "rxswin": body.rxswin, "installation": body.installation,
        "models": body.models,
        "images": images.collect::<BTreeMap<_, _>>(),
    });
    audit::record(tx, &actor.name, action, &format!("release-{id}"), &details, now).await
}

impl Body {
    fn draft(&self) -> Draft<'_> {
        Draft {
            name: &self.name,
            version: &self.version,
            notes: &self.notes,
            rxswin: self.rxswin.as_deref(),
            installation: self.installation,
        }
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
