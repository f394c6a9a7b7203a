//! Targets that wait for a person's signature. Where a model's root asks for it, what is to be installed is drafted by
//! the service and signed by an approver with a key that no server has.

use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use otaru_domain::clock;
use otaru_domain::event::EventKind;
use otaru_domain::id::ModelId;
use otaru_http::{Json, Problem};
use otaru_store::{StoreError, audit, events, manifests};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::models;
use super::roots::{file, whole};
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;
use crate::manifests::cosign;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(draft)).routes(routes!(put))
}

/// Targets that were published.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignedTargets {
    pub model: ModelId,
    /// Of the targets.
    #[schema(example = 3)]
    pub version: u64,
    /// Of the root that is in force now.
    #[schema(example = 2)]
    pub root_version: u64,
}

/// The targets that wait for a signature
///
/// TUF targets metadata with the service's signature, to be read and signed by an approver: `otaru keys sign`.
#[utoipa::path(get, path = "/models/{model}/targets/draft", tag = "models", operation_id = "draft_targets",
    params(("model" = ModelId, Path)),
    responses((status = 200, content_type = "application/json", body = Object, description = "TUF targets metadata")))]
async fn draft(State(app): State<App>, _: Actor, PathPart(id): PathPart<ModelId>) -> Result<Response, ApiError> {
    models::find(&app, &id).await?;
    let pending = manifests::pending(&app.store, &id).await?.ok_or_else(|| {
        let detail = format!("no targets of model {id} wait for a signature");
        Problem::new(StatusCode::NOT_FOUND, "nothing-to-sign", detail)
    })?;
    Ok(file(pending.targets.bytes))
}

/// Take an approver's signature in
///
/// The draft with the approver's signature added. With as many signatures as the root demands the targets are published,
/// and the root that asked for them, if that waits as well. A draft that changed meanwhile is signed anew.
#[utoipa::path(put, path = "/models/{model}/targets", tag = "models", operation_id = "put_targets",
    params(("model" = ModelId, Path)),
    request_body(content = Object, content_type = "application/json", description = "Signed TUF targets metadata"),
    responses((status = 200, body = SignedTargets)))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ModelId>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<SignedTargets>, ApiError> {
    let bytes = whole(body)?;
    let model = models::find(&app, &id).await?;
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let (version, root_version) = cosign(&mut tx, &app, &id, &bytes, now).await?;
    let details = json!({"version": version, "root_version": root_version});
    audit::record(&mut tx, &actor.name, "targets_signed", &format!("model-{id}"), &details, now).await?;
    if !model.has_root {
        events::record(&mut tx, &actor.name, EventKind::ModelActivated { model: id.clone() }, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    app.wake.notify_one();
    tracing::info!(model = %id, version, actor = actor.name, "an approver signed the targets");
    Ok(Json(SignedTargets { model: id, version, root_version }))
}
