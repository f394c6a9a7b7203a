//! `GET /releases/{id}/encryption`: how far the encryption of a locked release is.

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::age::CiphertextState;
use otaru_domain::id::{HardwareId, ModelId, ReleaseId, Sha256};
use otaru_http::Json;
use otaru_store::ciphertexts;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::find;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// An image of the release, encrypted for a model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EncryptedImage {
    pub model: ModelId,
    pub hardware_id: HardwareId,
    /// The image itself.
    pub plain_sha256: Sha256,
    /// For whom: the model's recipients when the release was locked.
    pub recipients: Vec<String>,
    pub state: CiphertextState,
    /// How often it was begun.
    pub attempts: u32,
    /// What vehicles download.
    #[schema(required = true)]
    pub sha256: Option<Sha256>,
    #[schema(required = true)]
    pub length_bytes: Option<u64>,
    /// What went wrong last; it is tried again by itself.
    #[schema(required = true)]
    pub error: Option<String>,
    pub requested_at: DateTime<Utc>,
    #[schema(required = true)]
    pub encrypted_at: Option<DateTime<Utc>>,
    /// Since when it is in the model's targets; campaigns of the release start from then on.
    #[schema(required = true)]
    pub published_at: Option<DateTime<Utc>>,
}

/// The encryption of a release.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReleaseEncryption {
    /// By model and hardware id. A model that is not here has the release as it is.
    pub items: Vec<EncryptedImage>,
}

impl From<ciphertexts::Ciphertext> for EncryptedImage {
    fn from(one: ciphertexts::Ciphertext) -> Self {
        Self {
            model: one.model,
            hardware_id: one.hardware_id,
            plain_sha256: one.plain_sha256,
            recipients: one.recipients,
            state: one.state,
            attempts: one.attempts,
            sha256: one.sha256,
            length_bytes: one.length_bytes,
            error: one.error,
            requested_at: one.requested_at,
            encrypted_at: one.encrypted_at,
            published_at: one.published_at,
        }
    }
}

/// The encryption of a release
///
/// Done when it is locked, for the models that have recipients then.
#[utoipa::path(get, path = "/releases/{id}/encryption", tag = "releases", operation_id = "get_release_encryption",
    params(("id" = i64, Path)), responses((status = 200, body = ReleaseEncryption)))]
async fn list(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<ReleaseId>,
) -> Result<Json<ReleaseEncryption>, ApiError> {
    find(&app, id).await?;
    let items = ciphertexts::of_release(&app.store, id).await?.into_iter().map(EncryptedImage::from).collect();
    Ok(Json(ReleaseEncryption { items }))
}
