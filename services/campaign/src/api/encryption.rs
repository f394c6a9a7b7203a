//! `PUT /models/{model}/encryption`: for whom the images of a model are encrypted. Private keys are the vehicles' alone.

use axum::extract::State;
use otaru_domain::age::{MAX_RECIPIENTS, Recipient};
use otaru_domain::clock;
use otaru_domain::id::{ModelId, ReleaseId};
use otaru_http::{Json, Problem};
use otaru_store::{StoreError, audit, ciphertexts};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Actor;
use crate::check;
use crate::error::ApiError;
use crate::extract::PathPart;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put))
}

/// For whom the images of a model are encrypted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PutEncryption)]
pub(crate) struct Body {
    /// Public keys as `age-keygen` prints them, up to 16: several while one follows another. None: images are not encrypted.
    #[schema(example = json!(["age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa"]), max_items = 16)]
    recipients: Vec<String>,
}

/// For whom the images of the model's releases are encrypted that are locked from now on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelEncryption {
    recipients: Vec<String>,
    /// Locked releases that the model's targets have as they are. While there are recipients no campaign of them starts for
    /// this model; what runs goes on. Recall those that nobody should fetch any more.
    #[schema(example = json!([3]))]
    plain_releases: Vec<ReleaseId>,
}

/// Say for whom the images of a model are encrypted
///
/// For admins. Counts for releases that are locked from now on; what was locked before stays as it is, encrypted or not. Vehicles
/// decrypt with their private key, which Otaru never has: `otaru vehicle --age-identity`. To change keys, add the new one
/// beside the old, give vehicles both, and take the old one away once all of them have the new.
#[utoipa::path(put, path = "/models/{model}/encryption", tag = "models", operation_id = "put_model_encryption",
    params(("model" = ModelId, Path)), request_body = Body, responses((status = 200, body = ModelEncryption)))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ModelId>,
    Json(Body { recipients }): Json<Body>,
) -> Result<Json<ModelEncryption>, ApiError> {
    let recipients = parse(&recipients)?;
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    if !ciphertexts::set_recipients(&mut tx, &id, &recipients).await? {
        return Err(Problem::not_found(format!("there is no model {id}")).into());
    }
    let recipients: Vec<String> = recipients.iter().map(Recipient::to_string).collect();
    let details = json!({"recipients": recipients});
    audit::record(&mut tx, &actor.name, "model_encryption_set", &format!("model-{id}"), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let plain_releases = ciphertexts::plain_releases(&app.store, &id).await?;
    Ok(Json(ModelEncryption { recipients, plain_releases }))
}

fn parse(texts: &[String]) -> Result<Vec<Recipient>, Problem> {
    check::count("/recipients", texts.len(), 0, MAX_RECIPIENTS)?;
    let mut recipients = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        let pointer = format!("/recipients/{at}");
        let recipient = Recipient::parse(text).map_err(|error| Problem::invalid(&pointer, error.to_string()))?;
        if recipients.contains(&recipient) {
            return Err(Problem::invalid(pointer, "an earlier entry is the same key"));
        }
        recipients.push(recipient);
    }
    Ok(recipients)
}
