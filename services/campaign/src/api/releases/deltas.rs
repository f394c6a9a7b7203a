//! `/releases/{id}/deltas`: what was made so that vehicles need not download whole images, and asking for more.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::delta::DeltaState;
use otaru_domain::id::{HardwareId, ModelId, ReleaseId, Sha256};
use otaru_domain::release::ReleaseState;
use otaru_domain::version::MAX_VERSION_BYTES;
use otaru_http::{Json, Problem};
use otaru_store::deltas::{self, Pair};
use otaru_store::{StoreError, Tx, artifacts, audit, ciphertexts, releases};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{find, not_found};
use crate::app::App;
use crate::auth::Actor;
use crate::check;
use crate::error::ApiError;
use crate::extract::PathPart;

/// Deltas that an image may have: each is an entry of the targets that every vehicle of the model reads.
const MAX_DELTAS: i64 = 32;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, request))
}

/// A way to an image of the release.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Delta {
    pub hardware_id: HardwareId,
    /// The version that vehicles update from; null for the compressed whole, which is for all others.
    #[schema(required = true, example = "2.2.0")]
    pub source_version: Option<String>,
    /// The image that it is applied to.
    #[schema(required = true)]
    pub source_sha256: Option<Sha256>,
    pub state: DeltaState,
    /// `zstd`, `zstd-patch-from` or `bsdiff-zstd`: which of them gave the least.
    #[schema(required = true, example = "zstd-patch-from")]
    pub algorithm: Option<String>,
    /// What is downloaded, also where that is not worth it.
    #[schema(required = true)]
    pub length_bytes: Option<u64>,
    pub image_bytes: u64,
    /// `length_bytes` of `image_bytes`.
    #[schema(required = true, example = 0.009)]
    pub ratio: Option<f64>,
    /// The delta itself.
    #[schema(required = true)]
    pub sha256: Option<Sha256>,
    #[schema(required = true)]
    pub build_ms: Option<u64>,
    /// How often it was begun.
    pub attempts: u32,
    /// What went wrong last.
    #[schema(required = true)]
    pub error: Option<String>,
    /// Who asked for it; `engine` when the release was locked.
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    #[schema(required = true)]
    pub finished_at: Option<DateTime<Utc>>,
    /// Since when vehicles may use it.
    #[schema(required = true)]
    pub published_at: Option<DateTime<Utc>>,
}

/// The deltas of a release.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReleaseDeltas {
    /// Whether this installation makes any.
    pub enabled: bool,
    /// Whether it was decided which ones the fleet needs: a moment after the release was locked.
    pub planned: bool,
    /// The models that get none of them, because their images are encrypted: a delta would show what changed.
    pub not_for: Vec<ModelId>,
    pub items: Vec<Delta>,
}

/// What to make.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeltaRequest {
    /// The ECU. Without it, it is decided anew which deltas the fleet needs, by what it runs now, and what failed is tried again.
    pub hardware_id: Option<HardwareId>,
    /// From which version of earlier releases of its models.
    #[schema(example = "2.1.0")]
    pub source_version: Option<String>,
    /// From which artifact, for instance one that vehicles left the factory with. Without this and a version, from nothing.
    pub source_sha256: Option<Sha256>,
}

impl From<deltas::Delta> for Delta {
    fn from(delta: deltas::Delta) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let ratio = delta.length_bytes.map(|length| length as f64 / delta.image_bytes.max(1) as f64);
        Self {
            hardware_id: delta.hardware_id,
            source_version: delta.source_version,
            source_sha256: delta.source_sha256,
            state: delta.state,
            algorithm: delta.algorithm.map(|algorithm| algorithm.as_str().to_owned()),
            length_bytes: delta.length_bytes,
            image_bytes: delta.image_bytes,
            ratio,
            sha256: delta.sha256,
            build_ms: delta.build_ms,
            attempts: delta.attempts,
            error: delta.error,
            requested_by: delta.requested_by,
            requested_at: delta.requested_at,
            finished_at: delta.finished_at,
            published_at: delta.published_at,
        }
    }
}

async fn read(app: &App, id: ReleaseId) -> Result<ReleaseDeltas, ApiError> {
    let (deltas, planned) = deltas::of_release(&app.store, id).await?;
    let (not_for, _) = ciphertexts::models_of(&app.store, id).await?;
    let items = deltas.into_iter().map(Delta::from).collect();
    Ok(ReleaseDeltas { enabled: app.deltas.enabled, planned, not_for, items })
}

/// The deltas of a release
///
/// Made when it is locked, against what its vehicles run. Until there is one, vehicles download the whole image.
#[utoipa::path(get, path = "/releases/{id}/deltas", tag = "releases", operation_id = "list_deltas",
    params(("id" = i64, Path)), responses((status = 200, body = ReleaseDeltas)))]
async fn list(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<ReleaseId>,
) -> Result<Json<ReleaseDeltas>, ApiError> {
    find(&app, id).await?;
    Ok(Json(read(&app, id).await?))
}

/// Ask for deltas
///
/// From a version or an artifact that none is made from, or again. It is made in a while, and published with its release's
/// others.
#[utoipa::path(post, path = "/releases/{id}/deltas", tag = "releases", operation_id = "request_deltas",
    params(("id" = i64, Path)), request_body = DeltaRequest,
    responses((status = 202, body = ReleaseDeltas)))]
async fn request(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ReleaseId>,
    Json(body): Json<DeltaRequest>,
) -> Result<(StatusCode, Json<ReleaseDeltas>), ApiError> {
    if let Some(version) = &body.source_version {
        check::name("/source_version", version, MAX_VERSION_BYTES)?;
    }
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let release = releases::lock(&mut tx, id).await?.ok_or_else(|| not_found(id))?;
    require_possible(&app, &release)?;
    require_readable(&app, id).await?;
    match &body.hardware_id {
        None => {
            require_nothing_else(&body)?;
            deltas::plan_again(&mut tx, id).await?;
        }
        Some(hardware_id) => {
            let sources = sources(&app, &mut tx, &release, hardware_id, &body).await?;
            let pair = |source| Pair { hardware_id: hardware_id.clone(), source };
            let pairs: Vec<Pair> = sources.into_iter().map(pair).collect();
            deltas::request(&mut tx, id, &pairs, &actor.name, now).await?;
            require_few(&mut tx, id, hardware_id).await?;
        }
    }
    let details = json!({
        "hardware_id": body.hardware_id, "source_version": body.source_version, "source_sha256": body.source_sha256,
    });
    audit::record(&mut tx, &actor.name, "deltas_requested", &format!("release-{id}"), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok((StatusCode::ACCEPTED, Json(read(&app, id).await?)))
}

fn require_possible(app: &App, release: &releases::Release) -> Result<(), Problem> {
    if !app.deltas.enabled {
        let detail = "this installation makes no deltas: start the campaign service with --deltas on";
        return Err(Problem::conflict("deltas-off", detail));
    }
    if release.state != ReleaseState::Locked {
        let detail = format!("release {} is {}: deltas are made of locked ones", release.id, release.state.as_str());
        return Err(Problem::conflict("release-not-locked", detail));
    }
    Ok(())
}

async fn require_readable(app: &App, id: ReleaseId) -> Result<(), ApiError> {
    if !ciphertexts::models_of(&app.store, id).await?.1 {
        return Ok(());
    }
    let detail =
        format!("the images of release {id} are encrypted for all of its models: a delta would show what changed");
    Err(Problem::conflict("release-encrypted", detail).into())
}

fn require_nothing_else(body: &DeltaRequest) -> Result<(), Problem> {
    if body.source_version.is_none() && body.source_sha256.is_none() {
        return Ok(());
    }
    Err(Problem::invalid("/hardware_id", "is needed beside a source: which image is to be made of it"))
}

async fn require_few(tx: &mut Tx, id: ReleaseId, hardware_id: &HardwareId) -> Result<(), ApiError> {
    let known = deltas::known(tx, id, hardware_id).await?;
    if known <= MAX_DELTAS {
        return Ok(());
    }
    let detail = format!("the image for {hardware_id} would have {known} deltas, and {MAX_DELTAS} are enough");
    Err(Problem::conflict("too-many-deltas", detail).into())
}

/// An image with its version, if that is known; none for nothing.
type Source = Option<(Sha256, Option<String>)>;

/// What the deltas that are asked for are to be made from, with its version; `None` is nothing.
async fn sources(
    app: &App,
    tx: &mut Tx,
    release: &releases::Release,
    hardware_id: &HardwareId,
    body: &DeltaRequest,
) -> Result<Vec<Source>, ApiError> {
    let image = release.images.iter().find(|image| image.hardware_id == *hardware_id).ok_or_else(|| {
        Problem::invalid("/hardware_id", format!("release {} has no image for {hardware_id}", release.id))
    })?;
    match (&body.source_version, &body.source_sha256) {
        (None, None) => Ok(vec![None]),
        (version, Some(sha256)) => {
            if *sha256 == image.sha256 {
                return Err(Problem::invalid("/source_sha256", "is the image itself").into());
            }
            if artifacts::get(&app.store, sha256).await?.is_none() {
                return Err(Problem::invalid("/source_sha256", "there is no such artifact: upload it first").into());
            }
            Ok(vec![Some((sha256.clone(), version.clone()))])
        }
        (Some(version), None) => {
            let known = deltas::known_sources(tx, release.id, hardware_id, version).await?;
            if known.is_empty() {
                let detail = format!(
                    "no other release of these models brought {hardware_id} to {version}: name the artifact by source_sha256"
                );
                return Err(Problem::invalid("/source_version", detail).into());
            }
            Ok(known.into_iter().map(|sha256| Some((sha256, Some(version.clone())))).collect())
        }
    }
}
