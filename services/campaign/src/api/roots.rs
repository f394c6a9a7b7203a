//! The signed roots of the models' repositories. Root keys are kept offline: the service gives out what is to
//! be signed and takes in what was signed, and never has the keys.

use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use otaru_domain::clock;
use otaru_domain::event::EventKind;
use otaru_domain::id::ModelId;
use otaru_domain::tuf::{self, Metadata, OnlineKeys, PublicKey, Root};
use otaru_http::{Json, Problem, chain};
use otaru_store::{StoreError, audit, events, manifests};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::models;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;
use crate::manifests::accept_root;

/// The most root keys a model may have.
const MAX_ROOT_KEYS: usize = 32;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put)).routes(routes!(draft))
}

/// A root that was taken in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AcceptedRoot {
    pub model: ModelId,
    /// The root's version.
    #[schema(example = 1)]
    pub version: u64,
    /// Whether it is published only with targets that an approver has signed: see `/models/{model}/targets/draft`.
    pub waits_for_targets: bool,
}

/// The newest signed root
///
/// The file as TUF clients fetch it, byte for byte.
#[utoipa::path(get, path = "/models/{model}/root", tag = "models", operation_id = "get_root",
    params(("model" = ModelId, Path)),
    responses((status = 200, content_type = "application/json", body = Object, description = "Signed TUF root metadata")))]
async fn get(State(app): State<App>, _: Actor, PathPart(id): PathPart<ModelId>) -> Result<Response, ApiError> {
    models::find(&app, &id).await?;
    let (_, bytes) = manifests::root(&app.store, &id, None).await?.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "model-awaiting-root",
            format!("model {id} has no signed root yet: sign one with `otaru keys sign-root`"),
        )
    })?;
    Ok(file(bytes))
}

/// The next root, to be signed
///
/// The root metadata that gives the model's online keys their roles: the `signed` part of the file, which
/// `otaru keys sign-root` signs offline. Without `root_key`, the root keys stay those of the present root.
#[utoipa::path(get, path = "/models/{model}/root/draft", tag = "models", operation_id = "draft_root",
    params(
        ("model" = ModelId, Path),
        ("root_key" = Option<Vec<String>>, Query, description = "A public root key, ed25519, 64 hexadecimal digits; as often as there are keys"),
        ("threshold" = Option<u32>, Query, description = "How many root keys must sign; 1 without it", minimum = 1),
        ("targets_key" = Option<Vec<String>>, Query, description = "A public key of an approver, ed25519, 64 hexadecimal digits: \
            targets then need the signature of one of them beside the service's. Those of the present root without it; `none` drops them"),
    ),
    responses((status = 200, content_type = "application/json", body = Object, description = "TUF root metadata, unsigned")))]
async fn draft(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<ModelId>,
    RawQuery(query): RawQuery,
) -> Result<Json<Metadata<Root>>, ApiError> {
    models::find(&app, &id).await?;
    let asked = Asked::parse(query.as_deref().unwrap_or_default())?;
    let present = manifests::root(&app.store, &id, None).await?;
    let version = present.as_ref().map_or(0, |(version, _)| *version) + 1;
    let online = app.keys.online_keys(&id)?;
    let present = present.map(|(_, bytes)| RootKeys::of(&bytes, &online)).transpose()?;
    let keys = asked.keys.or(present.as_ref().map(|keys| (keys.keys.clone(), keys.threshold)));
    let Some((keys, threshold)) = keys else {
        return Err(Problem::bad_request(
            "name the root keys: ?root_key=<64 hexadecimal digits>; `otaru keys init` makes one and shows it",
        )
        .into());
    };
    let approvers = asked.approvers.or(present.map(|keys| keys.approvers)).unwrap_or_default();
    Ok(Json(online.root(&keys, threshold, &approvers, version, clock::now())))
}

/// Take a signed root in
///
/// The first one, signed by its own root keys, makes the model active. A later one is signed by the present
/// root's keys, too. The repository is published with it; where the root asks for an approver's signature on targets, as
/// soon as that is there.
#[utoipa::path(put, path = "/models/{model}/root", tag = "models", operation_id = "put_root",
    params(("model" = ModelId, Path)),
    request_body(content = Object, content_type = "application/json", description = "Signed TUF root metadata"),
    responses((status = 200, body = AcceptedRoot)))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ModelId>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<AcceptedRoot>, ApiError> {
    let bytes = whole(body)?;
    models::find(&app, &id).await?;
    app.bus.ensure_manifests(&id).await?;
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let (version, waits_for_targets) = accept_root(&mut tx, &app, &id, &bytes, now).await?;
    let details = json!({"version": version, "waits_for_targets": waits_for_targets});
    audit::record(&mut tx, &actor.name, "root_accepted", &format!("model-{id}"), &details, now).await?;
    if version == 1 && !waits_for_targets {
        events::record(&mut tx, &actor.name, EventKind::ModelActivated { model: id.clone() }, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(model = %id, version, actor = actor.name, "a root was taken in");
    Ok(Json(AcceptedRoot { model: id, version, waits_for_targets }))
}

/// A file of metadata, byte for byte.
pub(super) fn file(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response()
}

/// The body, taken as it is: its signatures are over these bytes.
pub(super) fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|rejection| Problem::new(rejection.status(), "bad-body", rejection.body_text()))
}

/// Who signs roots and how many of them must, and who signs targets beside the service.
struct RootKeys {
    keys: Vec<PublicKey>,
    threshold: u32,
    approvers: Vec<PublicKey>,
}

/// What a query says of that.
#[derive(Default)]
struct Asked {
    keys: Option<(Vec<PublicKey>, u32)>,
    approvers: Option<Vec<PublicKey>>,
}

impl Asked {
    fn parse(query: &str) -> Result<Self, Problem> {
        let (mut keys, mut approvers, mut threshold) = (Vec::new(), Vec::new(), None);
        let mut drops_approvers = false;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "root_key" => keys.push(public_key(&name, &value)?),
                "targets_key" if value == "none" => drops_approvers = true,
                "targets_key" => approvers.push(public_key(&name, &value)?),
                "threshold" => {
                    let number =
                        value.parse::<u32>().map_err(|_| Problem::bad_request("threshold must be a number"))?;
                    threshold = Some(number);
                }
                other => return Err(Problem::bad_request(format!("there is no parameter {other:?}"))),
            }
        }
        for keys in [&mut keys, &mut approvers] {
            keys.sort_by_key(PublicKey::id);
            keys.dedup();
        }
        if approvers.len() > MAX_ROOT_KEYS || drops_approvers && !approvers.is_empty() {
            let detail = format!("name at most {MAX_ROOT_KEYS} different targets keys, or none");
            return Err(Problem::bad_request(detail));
        }
        let approvers = (drops_approvers || !approvers.is_empty()).then_some(approvers);
        if keys.is_empty() {
            return match threshold {
                Some(_) => Err(Problem::bad_request("a threshold needs the root keys it is for: ?root_key=…")),
                None => Ok(Self { keys: None, approvers }),
            };
        }
        let threshold = threshold.unwrap_or(1);
        if keys.len() > MAX_ROOT_KEYS || threshold == 0 || keys.len() < threshold as usize {
            return Err(Problem::bad_request(format!(
                "threshold must be 1 to the number of different root keys ({}), of which there may be {MAX_ROOT_KEYS}",
                keys.len()
            )));
        }
        Ok(Self { keys: Some((keys, threshold)), approvers })
    }
}

pub(super) fn public_key(name: &str, value: &str) -> Result<PublicKey, Problem> {
    let bytes = hex::decode(value.as_bytes()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let wrong = || Problem::bad_request(format!("{name} must be 64 hexadecimal digits, got {value:?}"));
    bytes.map(|bytes| PublicKey::ed25519(&bytes)).ok_or_else(wrong)
}

impl RootKeys {
    /// Those of a signed root.
    fn of(root: &[u8], online: &OnlineKeys) -> Result<Self, ApiError> {
        let broken = |what: &dyn std::fmt::Display| StoreError::inconsistent("manifest_roots", what);
        let root: Metadata<Root> = tuf::parse_unverified(root).map_err(|error| broken(&chain(&error)))?;
        let keys_of = |role: tuf::Role| {
            let entry = root.body.roles.get(&role).ok_or_else(|| broken(&format!("the {role} role is missing")))?;
            let keys: Vec<_> = entry.keyids.iter().filter_map(|id| root.body.keys.get(id).cloned()).collect();
            Ok::<_, StoreError>((keys, entry.threshold))
        };
        let (keys, threshold) = keys_of(tuf::Role::Root)?;
        let (mut approvers, signatures) = keys_of(tuf::Role::Targets)?;
        approvers.retain(|key| signatures > 1 && !online.has(&key.id()));
        Ok(Self { keys, threshold, approvers })
    }
}
