//! The keys that the service signs a model's repository with, and how one follows another. A new key signs nothing until
//! a root names it (the role `campaigns`: until the targets do), and one that is in force cannot be destroyed, so
//! whatever breaks off in between leaves a repository that vehicles take.

use axum::extract::State;
use axum::http::StatusCode;
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_domain::tuf::Role;
use otaru_http::{Json, Problem};
use otaru_store::{StoreError, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::models;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;
use crate::key_reference::KeyReference;
use crate::keys::KeyStoreError;
use crate::manifests::{hand_over, keys_in_force, needs_key};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, rotate)).routes(routes!(revoke))
}

/// A role that the service signs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnlineRole {
    Targets,
    Campaigns,
    Snapshot,
    Timestamp,
}

impl OnlineRole {
    const ALL: [Self; 4] = [Self::Targets, Self::Campaigns, Self::Snapshot, Self::Timestamp];

    fn role(self) -> Role {
        match self {
            Self::Targets => Role::Targets,
            Self::Campaigns => Role::Campaigns,
            Self::Snapshot => Role::Snapshot,
            Self::Timestamp => Role::Timestamp,
        }
    }
}

/// A signing key of the service.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SigningKey {
    pub role: OnlineRole,
    /// SHA-256 of the public key's canonical form, in hexadecimal digits.
    pub key_id: String,
    /// ed25519, 64 hexadecimal digits.
    pub public_key: String,
    /// Whether vehicles take its signatures now.
    pub in_force: bool,
    /// Whether the next root draft, or for `campaigns` the next targets, name it.
    pub newest: bool,
}

/// The key that is to follow.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSigningKey {
    pub role: OnlineRole,
    /// `pkcs11:token=LABEL;object=LABEL` for a key pair in the service's hardware module, `env:OTARU_KEY_…` for PKCS#8 PEM
    /// in a variable of its environment. Without it, the service makes a key in its keys directory.
    #[schema(example = "pkcs11:token=otaru;object=harbour-timestamp-2", max_length = 512)]
    pub reference: Option<String>,
}

/// The signing keys of a model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SigningKeys {
    /// The newest of each role first.
    pub items: Vec<SigningKey>,
}

/// The keys that the service signs with
///
/// Their public halves, and which of them vehicles take.
#[utoipa::path(get, path = "/models/{model}/keys", tag = "models", operation_id = "list_signing_keys",
    params(("model" = ModelId, Path)), responses((status = 200, body = SigningKeys)))]
async fn list(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<ModelId>,
) -> Result<Json<SigningKeys>, ApiError> {
    models::find(&app, &id).await?;
    Ok(Json(SigningKeys { items: keys_of(&app, &id).await? }))
}

/// Make the key that follows a role's present one
///
/// For admins. The key signs nothing until the next root (`/models/{model}/root/draft`) that names it was signed offline and put
/// in; that of `campaigns` follows at once, or with the next targets that an approver signs. As long as a new key
/// waits, asking again gives the same one.
#[utoipa::path(post, path = "/models/{model}/keys", tag = "models", operation_id = "rotate_signing_key",
    params(("model" = ModelId, Path)), request_body = NewSigningKey, responses((status = 200, body = SigningKey)))]
async fn rotate(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ModelId>,
    Json(body): Json<NewSigningKey>,
) -> Result<Json<SigningKey>, ApiError> {
    let role = body.role;
    let invalid = |reason: String| Problem::invalid("/reference", reason);
    let reference: Option<KeyReference> = body.reference.as_deref().map(str::parse).transpose().map_err(invalid)?;
    models::find(&app, &id).await?;
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    // Locks the model: of two who ask at once, the second finds the key of the first.
    let in_force = keys_in_force(&mut tx, &id).await?;
    let keys = app.keys.online_keys(&id)?;
    let newest = keys.of(role.role()).map(|key| key.id().to_owned()).unwrap_or_default();
    let present = in_force.get(&role.role()).cloned().unwrap_or_default();
    if present.contains(&newest) {
        let (store, model) = (app.keys.clone(), id.clone());
        let from = reference.clone();
        let made = tokio::task::spawn_blocking(move || store.make_next(&model, role.role(), from.as_ref())).await?;
        let made = made.map_err(|error| match error {
            KeyStoreError::Reference { .. } => invalid(error.to_string()).into(),
            error => ApiError::from(error),
        })?;
        let details = json!({"role": role, "key_id": made.id(), "reference": body.reference});
        audit::record(&mut tx, &actor.name, "signing_key_made", &format!("model-{id}"), &details, now).await?;
    }
    if role == OnlineRole::Campaigns {
        hand_over(&mut tx, &app, &id, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(model = %id, ?role, actor = actor.name, "a signing key is to be followed by another");
    let mut keys = keys_of(&app, &id).await?.into_iter();
    let key = keys.find(|key| key.role == role && key.newest);
    key.map(Json).ok_or_else(|| Problem::internal().into())
}

/// Destroy a key for good
///
/// For admins. One that vehicles take signatures of is refused with 409: put a root first that does not name it.
#[utoipa::path(delete, path = "/models/{model}/keys/{key}", tag = "models", operation_id = "revoke_signing_key",
    params(("model" = ModelId, Path), ("key" = String, Path, description = "Its key id")), responses((status = 204)))]
async fn revoke(
    State(app): State<App>,
    actor: Actor,
    PathPart((id, key)): PathPart<(ModelId, String)>,
) -> Result<StatusCode, ApiError> {
    models::find(&app, &id).await?;
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    if needs_key(&mut tx, &id, &key).await? {
        let detail = "vehicles take what it signs, or will once an approver has signed: let another follow it first, put a \
            root that names that one (of Uptane's Image repository, too, where the model has it), and have waiting targets \
            signed";
        return Err(Problem::conflict("key-in-force", detail).into());
    }
    let keys = app.keys.online_keys(&id)?;
    if Role::ONLINE.into_iter().any(|role| {
        keys.of(role).is_some_and(|newest| newest.id() == key) && keys.earlier.iter().all(|(of, _)| *of != role)
    }) {
        return Err(
            Problem::conflict("key-in-force", "it is the only key of its role: let another follow it first").into()
        );
    }
    let details = json!({"key_id": key});
    audit::record(&mut tx, &actor.name, "signing_key_revoked", &format!("model-{id}"), &details, now).await?;
    let (store, model, key_id) = (app.keys.clone(), id.clone(), key.clone());
    match tokio::task::spawn_blocking(move || store.revoke(&model, &key_id)).await? {
        Err(KeyStoreError::Unknown(..)) => {
            return Err(Problem::not_found(format!("the service has no key {key:?} for model {id}")).into());
        }
        revoked => drop(revoked?),
    }
    // The file is gone; should this fail, who asks again is told that there is no such key, and nothing else has changed.
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(model = %id, key, actor = actor.name, "a signing key was destroyed");
    Ok(StatusCode::NO_CONTENT)
}

async fn keys_of(app: &App, id: &ModelId) -> Result<Vec<SigningKey>, ApiError> {
    let mut tx = app.store.begin().await?;
    let in_force = keys_in_force(&mut tx, id).await?;
    tx.rollback().await.map_err(StoreError::from)?;
    let keys = app.keys.online_keys(id)?;
    let mut items = Vec::new();
    for role in OnlineRole::ALL {
        let present = in_force.get(&role.role());
        let earlier = keys.earlier.iter().filter(|(of, _)| *of == role.role()).map(|(_, key)| (key, false));
        for (key, newest) in keys.of(role.role()).map(|key| (key, true)).into_iter().chain(earlier) {
            items.push(SigningKey {
                role,
                key_id: key.id().to_owned(),
                public_key: key.public().keyval.public.clone(),
                in_force: present.is_some_and(|ids| ids.iter().any(|id| id == key.id())),
                newest,
            });
        }
    }
    Ok(items)
}
