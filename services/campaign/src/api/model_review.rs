//! `PUT /models/{model}/review`: whether campaigns for a model need another person's approval.

use axum::extract::State;
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_http::{Json, Problem};
use otaru_store::{StoreError, audit, reviews};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::models::{self, Model};
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put))
}

/// Whether campaigns for a model need a review.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelReview {
    required: bool,
}

/// Say whether campaigns for a model need a review
///
/// For admins. Where the installation asks for reviews, all of them do.
#[utoipa::path(put, path = "/models/{model}/review", tag = "models", operation_id = "put_model_review",
    params(("model" = ModelId, Path)), request_body = ModelReview, responses((status = 200, body = Model)))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ModelId>,
    Json(review): Json<ModelReview>,
) -> Result<Json<Model>, ApiError> {
    let mut tx = app.store.begin().await?;
    if !reviews::set_required(&mut tx, id.as_str(), review.required).await? {
        return Err(Problem::not_found(format!("there is no model {id}")).into());
    }
    let details = json!({"required": review.required});
    audit::record(&mut tx, &actor.name, "model_review_set", &format!("model-{id}"), &details, clock::now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(models::find(&app, &id).await?.into()))
}
