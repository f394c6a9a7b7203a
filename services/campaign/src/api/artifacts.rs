//! Artifacts: uploaded once, never changed, addressed by their content. The same content again is the same
//! artifact, so an upload that broke off is simply sent again.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use otaru_domain::clock;
use otaru_domain::id::Sha256;
use otaru_http::{Json, Problem};
use otaru_store::objects::{ReceiveError, Staged};
use otaru_store::{StoreError, artifacts, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::Instrument as _;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::artifact_places;
use crate::auth::Actor;
use crate::check;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

const MAX_FILE_NAME_BYTES: usize = 255;
/// How long an upload may say nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// How much of a refused upload is still read.
const READ_OUT_BYTES: usize = 64 << 20;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

pub(crate) fn streamed_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(upload))
}

/// An immutable file.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Artifact {
    /// Its address.
    pub sha256: Sha256,
    #[schema(example = "da39a3ee5e6b4b0d3255bfef95601890afd80709")]
    pub sha1: String,
    #[schema(example = "d41d8cd98f00b204e9800998ecf8427e")]
    pub md5: String,
    pub length_bytes: u64,
    /// The name it was first uploaded under.
    #[schema(example = "bcm-2.3.0.bin")]
    pub file_name: String,
    pub created_at: DateTime<Utc>,
    /// The actor who uploaded it.
    pub created_by: String,
}

/// Artifacts by hash.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ArtifactPage {
    pub items: Vec<Artifact>,
    pub next_cursor: Option<String>,
}

/// What an upload says of itself.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UploadQuery {
    /// The file's name, without directories.
    #[param(example = "bcm-2.3.0.bin", max_length = 255)]
    pub file_name: String,
    /// What the content should hash to; another content is refused and not kept.
    pub sha256: Option<Sha256>,
}

impl From<artifacts::Artifact> for Artifact {
    fn from(artifact: artifacts::Artifact) -> Self {
        Self {
            sha256: artifact.digests.sha256,
            sha1: artifact.digests.sha1,
            md5: artifact.digests.md5,
            length_bytes: artifact.digests.length_bytes,
            file_name: artifact.file_name,
            created_at: artifact.created_at,
            created_by: artifact.created_by,
        }
    }
}

async fn find(app: &App, sha256: &Sha256) -> Result<Artifact, ApiError> {
    let artifact = artifacts::get(&app.store, sha256).await?;
    artifact.map(Artifact::from).ok_or_else(|| Problem::not_found(format!("there is no artifact {sha256}")).into())
}

/// List artifacts.
#[utoipa::path(get, path = "/artifacts", tag = "artifacts", operation_id = "list_artifacts", params(PageQuery), responses((status = 200, body = ArtifactPage)))]
async fn list(State(app): State<App>, _: Actor, Query(page): Query<PageQuery>) -> Result<Json<ArtifactPage>, ApiError> {
    let window = page.window::<String>()?;
    let rows = artifacts::list(&app.store, window.after.as_deref(), window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |artifact| artifact.digests.sha256.to_string());
    Ok(Json(ArtifactPage { items: rows.into_iter().map(Artifact::from).collect(), next_cursor }))
}

/// What is known of an artifact.
#[utoipa::path(get, path = "/artifacts/{sha256}", tag = "artifacts", operation_id = "get_artifact",
    params(("sha256" = Sha256, Path)), responses((status = 200, body = Artifact)))]
async fn get(State(app): State<App>, _: Actor, PathPart(sha256): PathPart<Sha256>) -> Result<Json<Artifact>, ApiError> {
    Ok(Json(find(&app, &sha256).await?))
}

/// Upload an artifact
///
/// The body is the file's bytes. They are hashed while they stream in and appear as an artifact when all of them
/// are there; an upload that breaks off leaves nothing. Content that is known already is answered 200.
#[utoipa::path(post, path = "/artifacts", tag = "artifacts", operation_id = "upload_artifact",
    request_body(content_type = "application/octet-stream", description = "The file's bytes"),
    params(UploadQuery), responses(
        (status = 201, body = Artifact),
        (status = 200, body = Artifact, description = "This content is known already"),
        (status = 507, description = "The object store is full", body = otaru_http::ProblemBody,
            content_type = "application/problem+json"),
    ))]
async fn upload(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Artifact>), ApiError> {
    check_file_name(&query.file_name)?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > app.max_artifact_bytes) {
        return Err(ReceiveError::TooLarge { limit_bytes: app.max_artifact_bytes }.into());
    }
    // In a task of its own: when the client goes away, the body ends with an error and what there is goes.
    tokio::spawn(receive(app, actor, query, body).in_current_span()).await?
}

async fn receive(
    app: App,
    actor: Actor,
    query: UploadQuery,
    body: Body,
) -> Result<(StatusCode, Json<Artifact>), ApiError> {
    let mut body = with_patience(body.into_data_stream());
    let staged = match app.objects.receive(&mut body, app.max_artifact_bytes).await {
        Ok(staged) => staged,
        Err(error) => {
            read_out(body).await;
            return Err(error.into());
        }
    };
    if let Some(expected) = query.sha256.filter(|expected| *expected != staged.digests.sha256) {
        let detail = format!("the content hashes to {}, not to {expected}; nothing was kept", staged.digests.sha256);
        app.objects.discard(staged).await?;
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "hash-mismatch", detail).into());
    }
    keep(&app, &actor, staged, &query.file_name).await
}

async fn keep(
    app: &App,
    actor: &Actor,
    staged: Staged,
    file_name: &str,
) -> Result<(StatusCode, Json<Artifact>), ApiError> {
    let mut tx = app.store.begin().await?;
    let digests = artifact_places::keep(&mut tx, app, staged).await?;
    let now = clock::now();
    let created = artifacts::create(&mut tx, &digests, file_name, &actor.name, now).await?;
    if created {
        let details = json!({"file_name": file_name, "length_bytes": digests.length_bytes});
        let object = format!("artifact-{}", digests.sha256);
        audit::record(&mut tx, &actor.name, "artifact_uploaded", &object, &details, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(find(app, &digests.sha256).await?)))
}

fn check_file_name(name: &str) -> Result<(), Problem> {
    check::name("/file_name", name, MAX_FILE_NAME_BYTES)?;
    if name.contains(['/', '\\']) || name == "." || name == ".." {
        return Err(Problem::invalid("/file_name", "must be a file's name without directories"));
    }
    Ok(())
}

type Chunks = BoxStream<'static, Result<Bytes, Box<dyn std::error::Error + Send + Sync>>>;

/// Takes what is left of a body that is refused, within reason: a client whose connection is closed while it sends
/// may never see the answer.
async fn read_out(mut body: Chunks) {
    let mut left = READ_OUT_BYTES;
    while let Ok(Some(chunk)) = body.try_next().await {
        left = left.saturating_sub(chunk.len());
        if left == 0 {
            return;
        }
    }
}

/// The body as long as it goes on: a client that stops sending does not hold an upload for ever.
fn with_patience(body: BodyDataStream) -> Chunks {
    let chunks = futures::stream::try_unfold(body, |mut body| async move {
        match tokio::time::timeout(SILENCE, body.try_next()).await {
            Ok(Ok(chunk)) => Ok(chunk.map(|chunk| (chunk, body))),
            Ok(Err(error)) => Err(error.into()),
            Err(silence) => Err(silence.into()),
        }
    });
    chunks.boxed()
}
