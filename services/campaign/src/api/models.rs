//! Vehicle models. Creating one makes its signing keys, its topic and its repository; they are made before
//! the row, each step can be repeated, and only the row makes the model exist.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use otaru_domain::ack::SignaturePolicy;
use otaru_domain::clock;
use otaru_domain::event::EventKind;
use otaru_domain::id::{HardwareId, ModelId};
use otaru_domain::topic;
use otaru_domain::tuf;
use otaru_domain::uptane::DirectorPublicKeys;
use otaru_http::{Json, Problem};
use otaru_store::models::{self, NewModel};
use otaru_store::{StoreError, events};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::uptane;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::keys::KeyStoreError;
use crate::manifests;
use crate::page::PageQuery;
use crate::{check, expiry};

/// The most ECUs a model may have.
const MAX_HARDWARE: usize = 256;
const MAX_NAME_BYTES: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get))
}

/// An ECU of a model.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hardware {
    pub hardware_id: HardwareId,
    /// For people.
    #[schema(example = "Body control module", max_length = 200)]
    pub name: String,
}

/// A model to be created.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewModel)]
pub struct Body {
    pub id: ModelId,
    /// For people.
    #[schema(example = "Harbour 2025", max_length = 200)]
    pub name: String,
    /// The ECUs that updates are made for, 1 to 256.
    pub hardware: Vec<Hardware>,
    /// Whether the VINs of this model carry a check digit (mandatory in North America and China).
    #[serde(default)]
    pub vin_check_digit: bool,
}

/// Where a model stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelState {
    /// Its first root is not signed yet: nothing can be published for it.
    AwaitingRoot,
    Active,
    Retired,
}

/// A vehicle model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Model {
    pub id: ModelId,
    pub name: String,
    pub state: ModelState,
    /// The Kafka topic that is the model's TUF repository.
    #[schema(example = "otaru.manifests.harbour-2025")]
    pub topic: String,
    pub hardware: Vec<Hardware>,
    pub vin_check_digit: bool,
    /// Whether campaigns for it need another person's approval before they start.
    pub review_required: bool,
    /// The most bytes of images that its vehicles are sent in a second, over all gateways; null for no cap.
    #[schema(required = true, example = 200_000_000)]
    pub max_bytes_per_sec: Option<u64>,
    /// Whether its vehicles sign their reports.
    pub ack_signatures: SignaturePolicy,
    /// Whether they sign their inventories.
    pub inventory_signatures: SignaturePolicy,
    /// The age recipients for whom images of its releases are encrypted; none: they are not.
    pub age_recipients: Vec<String>,
    /// The version of the targets that wait for an approver's signature, if any do.
    #[schema(required = true, example = 4)]
    pub pending_targets: Option<i64>,
    /// When its metadata expires, what expires first in front; empty before the first root.
    pub metadata: Vec<MetadataExpiry>,
    pub created_at: DateTime<Utc>,
    /// The actor who created it.
    pub created_by: String,
}

/// When a file of a model's metadata expires.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MetadataExpiry {
    /// `root`, `targets`, `campaigns`, `snapshot` or `timestamp`.
    #[schema(example = "root")]
    pub role: String,
    pub expires_at: DateTime<Utc>,
    /// Whether it is not published but waits for an approver's signature.
    pub waiting: bool,
    /// Whether somebody should look after it: sign a root or the waiting targets, or find out why it was not renewed.
    pub soon: bool,
}

/// Models by id.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ModelPage {
    pub items: Vec<Model>,
    pub next_cursor: Option<String>,
}

impl From<models::Model> for Model {
    fn from(model: models::Model) -> Self {
        let state = match model.state() {
            models::ModelState::AwaitingRoot => ModelState::AwaitingRoot,
            models::ModelState::Active => ModelState::Active,
            models::ModelState::Retired => ModelState::Retired,
        };
        let hardware = model.hardware.into_iter();
        Self {
            topic: topic::manifests(&model.id),
            id: model.id,
            name: model.name,
            state,
            hardware: hardware.map(|one| Hardware { hardware_id: one.hardware_id, name: one.name }).collect(),
            vin_check_digit: model.vin_check_digit,
            review_required: model.review_required,
            max_bytes_per_sec: model.max_bytes_per_sec,
            ack_signatures: model.signatures.acks,
            inventory_signatures: model.signatures.inventories,
            age_recipients: model.age_recipients,
            pending_targets: model.pending_targets,
            metadata: model.expiries.into_iter().map(MetadataExpiry::from).collect(),
            created_at: model.created_at,
            created_by: model.created_by,
        }
    }
}

impl From<models::Expiry> for MetadataExpiry {
    fn from(expiry: models::Expiry) -> Self {
        Self {
            role: expiry.role.to_string(),
            expires_at: expiry.expires_at,
            waiting: expiry.waiting,
            soon: expiry::is_soon(&expiry, clock::now()),
        }
    }
}

/// The model, or 404.
pub(crate) async fn find(app: &App, id: &ModelId) -> Result<models::Model, ApiError> {
    let model = models::get(&app.store, id).await?;
    model.ok_or_else(|| Problem::not_found(format!("there is no model {id}")).into())
}

/// List models.
#[utoipa::path(get, path = "/models", tag = "models", operation_id = "list_models", params(PageQuery), responses((status = 200, body = ModelPage)))]
async fn list(State(app): State<App>, _: Actor, Query(page): Query<PageQuery>) -> Result<Json<ModelPage>, ApiError> {
    let window = page.window::<String>()?;
    let rows = models::list(&app.store, window.after.as_deref(), window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |model| model.id.to_string());
    Ok(Json(ModelPage { items: rows.into_iter().map(Model::from).collect(), next_cursor }))
}

/// One model.
#[utoipa::path(get, path = "/models/{model}", tag = "models", operation_id = "get_model",
    params(("model" = ModelId, Path)), responses((status = 200, body = Model)))]
async fn get(State(app): State<App>, _: Actor, PathPart(id): PathPart<ModelId>) -> Result<Json<Model>, ApiError> {
    Ok(Json(find(&app, &id).await?.into()))
}

/// Create a model.
///
/// Makes its signing keys, its topic and its TUF repository. The model is `awaiting_root` until a root that was
/// signed offline is put in; see `/models/{model}/root/draft`.
#[utoipa::path(post, path = "/models", tag = "models", operation_id = "create_model", request_body = Body,
    responses((status = 201, body = Model)))]
async fn create(
    State(app): State<App>,
    actor: Actor,
    Json(body): Json<Body>,
) -> Result<(StatusCode, Json<Model>), ApiError> {
    actor.require_models([&body.id])?;
    validate(&body)?;
    if models::get(&app.store, &body.id).await?.is_some() {
        return Err(exists(&body.id));
    }
    let director = make_keys(&app, &body.id).await?;
    app.bus.ensure_manifests(&body.id).await?;
    let now = clock::now();
    let hardware: Vec<_> = body
        .hardware
        .iter()
        .map(|one| models::Hardware { hardware_id: one.hardware_id.clone(), name: one.name.clone() })
        .collect();
    let new = NewModel {
        id: &body.id,
        name: &body.name,
        vin_check_digit: body.vin_check_digit,
        hardware: &hardware,
        created_by: &actor.name,
    };
    let mut tx = app.store.begin().await?;
    if !models::create(&mut tx, &new, now).await? {
        return Err(exists(&body.id));
    }
    if app.keys.has_root_keys() {
        let root = demo_root(&app, &body.id, now)?;
        manifests::accept_root(&mut tx, &app, &body.id, &root, now).await?;
        if let Some(director) = director {
            uptane::demo_roots(&mut tx, &app, &body.id, &director, now).await?;
        }
    }
    events::record(&mut tx, &actor.name, EventKind::ModelCreated { model: body.id.clone() }, now).await?;
    if app.keys.has_root_keys() {
        events::record(&mut tx, &actor.name, EventKind::ModelActivated { model: body.id.clone() }, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok((StatusCode::CREATED, Json(find(&app, &body.id).await?.into())))
}

fn validate(body: &Body) -> Result<(), Problem> {
    check::name("/name", &body.name, MAX_NAME_BYTES)?;
    check::count("/hardware", body.hardware.len(), 1, MAX_HARDWARE)?;
    for (index, hardware) in body.hardware.iter().enumerate() {
        check::name(&format!("/hardware/{index}/name"), &hardware.name, MAX_NAME_BYTES)?;
    }
    match check::first_repeated(&body.hardware, |hardware| hardware.hardware_id.clone()) {
        Some(index) => Err(Problem::invalid(format!("/hardware/{index}/hardware_id"), "an earlier entry has it, too")),
        None => Ok(()),
    }
}

fn exists(id: &ModelId) -> ApiError {
    Problem::conflict("model-exists", format!("there is a model {id} already")).pointer("/id").into()
}

/// Makes the signing keys of a model; for demos, a Director's, too, whose public halves these are.
async fn make_keys(app: &App, id: &ModelId) -> Result<Option<DirectorPublicKeys>, ApiError> {
    let (keys, director, id) = (app.keys.clone(), app.demo_director.clone(), id.clone());
    let made = tokio::task::spawn_blocking(move || {
        if keys.has_root_keys() {
            keys.root_key(&id)?;
        }
        keys.create(&id)?;
        director.map(|director| director.director_keys(&id)).transpose()
    });
    match made.await? {
        Ok(director) => Ok(director),
        Err(error @ KeyStoreError::Io { .. }) => {
            tracing::error!(error = otaru_http::chain(&error), "the keys of a model cannot be written");
            Err(Problem::unavailable("the signing keys cannot be written: the server's log says why", 30).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// A first root signed with a root key that is kept on this machine: for demos.
fn demo_root(app: &App, id: &ModelId, now: DateTime<Utc>) -> Result<Vec<u8>, ApiError> {
    let root_key = app.keys.root_key(id)?;
    let root = app.keys.online_keys(id)?.root(&[root_key.public().clone()], 1, &[], 1, now);
    tuf::sign(&root, &[&root_key]).map_err(|error| {
        tracing::error!(error = otaru_http::chain(&error), "a demo's root cannot be signed");
        Problem::internal().into()
    })
}
