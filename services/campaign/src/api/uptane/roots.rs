//! The signed roots of a model's Uptane repositories. As with the TUF root, the service gives out what is to be signed
//! and takes in what was signed; of the Director it knows public keys alone.

use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_domain::tuf::{self, Key, Metadata, PublicKey, Role, Root};
use otaru_domain::uptane::{self, DirectorPublicKeys, RepositoryName};
use otaru_http::{Json, Problem, chain};
use otaru_store::{StoreError, Tx, audit, manifests};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::models;
use crate::api::roots::{file, public_key, whole};
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;
use crate::manifests::accept_uptane_root;

/// The most root keys a repository may have.
const MAX_ROOT_KEYS: usize = 32;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put)).routes(routes!(draft))
}

/// An Uptane root that was taken in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AcceptedUptaneRoot {
    pub model: ModelId,
    pub repository: RepositoryName,
    #[schema(example = 1)]
    pub version: u64,
}

/// The newest signed root of an Uptane repository
///
/// What vehicles are provisioned with, as they fetch it.
#[utoipa::path(get, path = "/models/{model}/uptane/{repository}/root", tag = "models", operation_id = "get_uptane_root",
    params(("model" = ModelId, Path), ("repository" = RepositoryName, Path)),
    responses((status = 200, content_type = "application/json", body = Object, description = "Signed root metadata in aktualizr's dialect")))]
async fn get(
    State(app): State<App>,
    _: Actor,
    PathPart((id, name)): PathPart<(ModelId, RepositoryName)>,
) -> Result<Response, ApiError> {
    models::find(&app, &id).await?;
    let absent =
        || Problem::not_found(format!("model {id} has no Uptane {} repository: put its first root", name.as_str()));
    let (_, bytes) = manifests::uptane_root(&app.store, &id, name).await?.ok_or_else(absent)?;
    Ok(file(bytes))
}

/// The next root of an Uptane repository, to be signed
///
/// The `signed` part, which `otaru keys sign-root` signs offline. Without `root_key` the root keys stay those of the
/// present root, for a first one those of the model's TUF root. The Director's keys are made where the Director runs
/// (`otaru keys director`); here are only their public halves, and without them they stay those of the present root.
#[utoipa::path(get, path = "/models/{model}/uptane/{repository}/root/draft", tag = "models", operation_id = "draft_uptane_root",
    params(
        ("model" = ModelId, Path), ("repository" = RepositoryName, Path),
        ("root_key" = Option<Vec<String>>, Query, description = "A public root key, ed25519, 64 hexadecimal digits; as often as there are keys"),
        ("threshold" = Option<u32>, Query, description = "How many root keys must sign; 1 without it", minimum = 1),
        ("targets_key" = Option<String>, Query, description = "Of the Director: its public key for targets"),
        ("snapshot_key" = Option<String>, Query, description = "The same for its snapshot"),
        ("timestamp_key" = Option<String>, Query, description = "The same for its timestamp"),
    ),
    responses((status = 200, content_type = "application/json", body = Object, description = "Root metadata in aktualizr's dialect, unsigned")))]
async fn draft(
    State(app): State<App>,
    _: Actor,
    PathPart((id, name)): PathPart<(ModelId, RepositoryName)>,
    RawQuery(query): RawQuery,
) -> Result<Json<Metadata<Root>>, ApiError> {
    models::find(&app, &id).await?;
    let asked = Asked::parse(name, query.as_deref().unwrap_or_default())?;
    let present = manifests::uptane_root(&app.store, &id, name).await?;
    let version = present.as_ref().map_or(0, |(version, _)| *version) + 1;
    let present = present.map(|(_, bytes)| parse(&bytes)).transpose()?;
    let (keys, threshold) = match (asked.root, &present) {
        (Some(asked), _) => asked,
        (None, Some(present)) => keys_of(present, Role::Root)?,
        (None, None) => {
            let tuf = manifests::root(&app.store, &id, None).await?;
            let missing = || Problem::bad_request("name the root keys: ?root_key=<64 hexadecimal digits>");
            keys_of(&parse(&tuf.ok_or_else(missing)?.1)?, Role::Root)?
        }
    };
    let now = clock::now();
    if name == RepositoryName::Image {
        return Ok(Json(app.keys.online_keys(&id)?.image_root(&keys, threshold, version, now)));
    }
    let director = |asked: Option<PublicKey>, role: Role| -> Result<PublicKey, ApiError> {
        let known = present.as_ref().map(|present| keys_of(present, role)).transpose()?;
        let known = known.and_then(|(keys, _)| keys.into_iter().next());
        let missing = || Problem::bad_request(format!("name the Director's key: ?{role}_key=<64 hexadecimal digits>"));
        Ok(asked.or(known).ok_or_else(missing)?)
    };
    let director = DirectorPublicKeys {
        targets: director(asked.targets, Role::Targets)?,
        snapshot: director(asked.snapshot, Role::Snapshot)?,
        timestamp: director(asked.timestamp, Role::Timestamp)?,
    };
    Ok(Json(director.root(&keys, threshold, version, now)))
}

/// Take a signed root of an Uptane repository in
///
/// For admins. The first one begins the repository; a later one is signed by the present root's keys, too. The model
/// needs a TUF root before. Vehicles speak Uptane once both repositories have a root and a gateway has the Director's keys.
#[utoipa::path(put, path = "/models/{model}/uptane/{repository}/root", tag = "models", operation_id = "put_uptane_root",
    params(("model" = ModelId, Path), ("repository" = RepositoryName, Path)),
    request_body(content = Object, content_type = "application/json", description = "Signed root metadata in aktualizr's dialect"),
    responses((status = 200, body = AcceptedUptaneRoot)))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    PathPart((id, name)): PathPart<(ModelId, RepositoryName)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<AcceptedUptaneRoot>, ApiError> {
    let bytes = whole(body)?;
    models::find(&app, &id).await?;
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let version = accept_uptane_root(&mut tx, &app, &id, name, &bytes, now).await?;
    let details = json!({"repository": name, "version": version});
    audit::record(&mut tx, &actor.name, "uptane_root_accepted", &format!("model-{id}"), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    app.wake.notify_one();
    tracing::info!(model = %id, repository = name.as_str(), version, actor = actor.name, "an Uptane root was taken in");
    Ok(Json(AcceptedUptaneRoot { model: id, repository: name, version }))
}

/// First roots of both repositories, signed with a root key that is kept on this machine: for demos.
pub(crate) async fn demo_roots(
    tx: &mut Tx,
    app: &App,
    id: &ModelId,
    director: &DirectorPublicKeys,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    let root_key = app.keys.root_key(id)?;
    let public = [root_key.public().clone()];
    let image = app.keys.online_keys(id)?.image_root(&public, 1, 1, now);
    for (name, root) in [(RepositoryName::Image, image), (RepositoryName::Director, director.root(&public, 1, 1, now))]
    {
        accept_uptane_root(tx, app, id, name, &signed(&root, &root_key)?, now).await?;
    }
    Ok(())
}

fn signed(root: &Metadata<Root>, key: &Key) -> Result<Vec<u8>, ApiError> {
    uptane::sign(root, &[key]).map_err(|error| {
        tracing::error!(error = chain(&error), "a demo's Uptane root cannot be signed");
        Problem::internal().into()
    })
}

fn parse(root: &[u8]) -> Result<Metadata<Root>, StoreError> {
    tuf::parse_unverified(root).map_err(|error| StoreError::inconsistent("uptane_roots", chain(&error)))
}

fn keys_of(root: &Metadata<Root>, role: Role) -> Result<(Vec<PublicKey>, u32), StoreError> {
    let missing = || StoreError::inconsistent("uptane_roots", format!("the {role} role is missing"));
    let entry = root.body.roles.get(&role).ok_or_else(missing)?;
    Ok((entry.keyids.iter().filter_map(|id| root.body.keys.get(id).cloned()).collect(), entry.threshold))
}

/// What a query says.
#[derive(Default)]
struct Asked {
    root: Option<(Vec<PublicKey>, u32)>,
    targets: Option<PublicKey>,
    snapshot: Option<PublicKey>,
    timestamp: Option<PublicKey>,
}

impl Asked {
    fn parse(name: RepositoryName, query: &str) -> Result<Self, Problem> {
        let (mut asked, mut keys, mut threshold) = (Self::default(), Vec::new(), None);
        for (parameter, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let of_director = name == RepositoryName::Director;
            match parameter.as_ref() {
                "root_key" => keys.push(public_key(&parameter, &value)?),
                "threshold" => {
                    let number = value.parse::<u32>();
                    threshold = Some(number.map_err(|_| Problem::bad_request("threshold must be a number"))?);
                }
                "targets_key" if of_director => asked.targets = Some(public_key(&parameter, &value)?),
                "snapshot_key" if of_director => asked.snapshot = Some(public_key(&parameter, &value)?),
                "timestamp_key" if of_director => asked.timestamp = Some(public_key(&parameter, &value)?),
                other => return Err(Problem::bad_request(format!("there is no parameter {other:?}"))),
            }
        }
        keys.sort_by_key(PublicKey::id);
        keys.dedup();
        if keys.is_empty() {
            return match threshold {
                Some(_) => Err(Problem::bad_request("a threshold needs the root keys it is for: ?root_key=…")),
                None => Ok(asked),
            };
        }
        let threshold = threshold.unwrap_or(1);
        if keys.len() > MAX_ROOT_KEYS || threshold == 0 || keys.len() < threshold as usize {
            return Err(Problem::bad_request(format!(
                "threshold must be 1 to the number of different root keys ({}), of which there may be {MAX_ROOT_KEYS}",
                keys.len()
            )));
        }
        Ok(Self { root: Some((keys, threshold)), ..asked })
    }
}
