//! `PUT /models/{model}/bandwidth`: how fast the images of a model may go out, over all gateways.

use axum::extract::State;
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_domain::rollout::{MAX_BYTES_PER_SEC, MIN_BYTES_PER_SEC};
use otaru_http::{Json, Problem};
use otaru_store::{StoreError, audit, bandwidth};
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

/// A cap on the bandwidth of a model's images.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelBandwidth {
    /// Bytes per second over all gateways; null for no cap.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true, minimum = 16_384, maximum = 1_099_511_627_776_u64, example = 200_000_000)]
    max_bytes_per_sec: Option<u64>,
}

/// Put a cap on the bandwidth of a model's images, or take it off
///
/// For admins. It holds within seconds, for downloads under way as well, and for whoever fetches the model's images; an
/// image with a cap is sent by the gateways themselves, never fetched from the object store or a CDN.
#[utoipa::path(put, path = "/models/{model}/bandwidth", tag = "models", operation_id = "put_model_bandwidth",
    params(("model" = ModelId, Path)), request_body = ModelBandwidth, responses((status = 200, body = Model)))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ModelId>,
    Json(asked): Json<ModelBandwidth>,
) -> Result<Json<Model>, ApiError> {
    let cap = asked.max_bytes_per_sec;
    if cap.is_some_and(|cap| !(MIN_BYTES_PER_SEC..=MAX_BYTES_PER_SEC).contains(&cap)) {
        let detail = format!("must be {MIN_BYTES_PER_SEC} to {MAX_BYTES_PER_SEC} bytes per second, or null for no cap");
        return Err(Problem::invalid("/max_bytes_per_sec", detail).into());
    }
    let mut tx = app.store.begin().await?;
    if !bandwidth::set_model_cap(&mut tx, id.as_str(), cap).await? {
        return Err(Problem::not_found(format!("there is no model {id}")).into());
    }
    let details = json!({"max_bytes_per_sec": cap});
    audit::record(&mut tx, &actor.name, "model_bandwidth_set", &format!("model-{id}"), &details, clock::now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(models::find(&app, &id).await?.into()))
}
