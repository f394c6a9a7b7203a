//! `PUT /models/{model}/ack-signatures`: whether the vehicles of a model have to sign what they report.

use axum::extract::State;
use otaru_domain::ack::SignaturePolicy;
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_http::{Json, Problem};
use otaru_store::ack_keys::{self, Policies};
use otaru_store::{StoreError, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put))
}

/// Whether the vehicles of a model sign their reports.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PutAckSignatures)]
pub(crate) struct Body {
    ack_signatures: SignaturePolicy,
    /// The same of inventories; where it is absent, that stays as it is.
    #[serde(default)]
    inventory_signatures: Option<SignaturePolicy>,
}

/// What the model asks for now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelAckSignatures {
    ack_signatures: SignaturePolicy,
    inventory_signatures: SignaturePolicy,
    /// Vehicles in service without a key that works. While signatures are required, none of their reports is taken, and
    /// campaigns leave them out.
    #[schema(example = 3)]
    vehicles_without_key: i64,
}

/// Say whether the vehicles of a model sign their reports
///
/// For admins. With `required`, a report without the signature of the vehicle's key (`ack_key` of its credentials) is a dead
/// letter, whoever sent it; so is an inventory where `inventory_signatures` is `required`, also of a vehicle that signs its reports
/// and is too old to sign those. vehicle-state keeps to it at once, gateways within half a minute.
#[utoipa::path(put, path = "/models/{model}/ack-signatures", tag = "models", operation_id = "put_model_ack_signatures",
    params(("model" = ModelId, Path)), request_body = Body, responses((status = 200, body = ModelAckSignatures)))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ModelId>,
    Json(body): Json<Body>,
) -> Result<Json<ModelAckSignatures>, ApiError> {
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let set = ack_keys::set_policies(&mut tx, &id, body.ack_signatures, body.inventory_signatures).await?;
    let Policies { acks, inventories } = set.ok_or_else(|| Problem::not_found(format!("there is no model {id}")))?;
    let details = json!({"ack_signatures": acks, "inventory_signatures": inventories});
    audit::record(&mut tx, &actor.name, "model_ack_signatures_set", &format!("model-{id}"), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let vehicles_without_key = ack_keys::without_key(&app.store, &id, now).await?;
    Ok(Json(ModelAckSignatures { ack_signatures: acks, inventory_signatures: inventories, vehicles_without_key }))
}
