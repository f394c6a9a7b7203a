//! Credentials of a vehicle: issued with the root that it is to trust, listed, and revoked.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use otaru_domain::ack;
use otaru_domain::clock;
use otaru_domain::id::Vin;
use otaru_http::{Json, Problem};
use otaru_store::{StoreError, audit, credentials as rows, manifests, vehicles};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{find, lock_in_service, not_found};
use crate::app::App;
use crate::auth::Actor;
use crate::credentials::{self, DEFAULT_DAYS, Holder};
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

const MAX_DAYS: i64 = 7300;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, issue)).routes(routes!(revoke))
}

/// How long a credential is to be good for, and what the vehicle signs with.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCredential)]
pub struct Body {
    /// Days, 1 to 7300; 730 without it.
    #[schema(minimum = 1, maximum = 7300, default = 730)]
    pub valid_days: Option<i64>,
    /// The public ed25519 key of the vehicle, in hex, by which it signs its reports; the private one never leaves it. It
    /// counts as long as the credential does. `otaru vehicle make-key` makes one.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub ack_key: Option<String>,
}

/// A credential that was issued: the only time its token is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IssuedCredential {
    pub id: Uuid,
    /// A signed JWT, to be sent to the gateway as `Authorization: Bearer …`.
    pub token: String,
    pub expires_at: DateTime<Utc>,
    /// The model's `1.root.json`, with which the vehicle begins: it trusts nothing that it was not given.
    #[schema(value_type = Object)]
    pub root: serde_json::Value,
}

/// A credential as it is listed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Credential {
    pub id: Uuid,
    pub issued_at: DateTime<Utc>,
    /// The actor who had it issued.
    pub issued_by: String,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// The public key by which the vehicle signs its reports, if it gave one.
    #[schema(required = true)]
    pub ack_key: Option<String>,
}

/// Credentials in the order of their issue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CredentialPage {
    pub items: Vec<Credential>,
    pub next_cursor: Option<String>,
}

impl From<rows::Credential> for Credential {
    fn from(row: rows::Credential) -> Self {
        Self {
            id: row.id,
            issued_at: row.issued_at,
            issued_by: row.issued_by,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            ack_key: row.ack_key.map(hex::encode),
        }
    }
}

/// List a vehicle's credentials.
#[utoipa::path(get, path = "/vehicles/{vin}/credentials", tag = "vehicles", operation_id = "list_credentials",
    params(PageQuery, ("vin" = Vin, Path)), responses((status = 200, body = CredentialPage)))]
async fn list(
    State(app): State<App>,
    _: Actor,
    PathPart(vin): PathPart<Vin>,
    Query(page): Query<PageQuery>,
) -> Result<Json<CredentialPage>, ApiError> {
    let window = page.window::<Uuid>()?;
    let vehicle = find(&app, &vin).await?;
    let rows = rows::list(&app.store, vehicle.id, window.after, window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |row| row.id);
    Ok(Json(CredentialPage { items: rows.into_iter().map(Credential::from).collect(), next_cursor }))
}

/// Issue a credential
///
/// The token is in this answer and nowhere else. The vehicle's model must have a signed root.
#[utoipa::path(post, path = "/vehicles/{vin}/credentials", tag = "vehicles", operation_id = "issue_credential", request_body = Body,
    params(("vin" = Vin, Path)), responses((status = 201, body = IssuedCredential)))]
async fn issue(
    State(app): State<App>,
    actor: Actor,
    PathPart(vin): PathPart<Vin>,
    Json(body): Json<Body>,
) -> Result<(StatusCode, Json<IssuedCredential>), ApiError> {
    let now = clock::now();
    let days = body.valid_days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Problem::invalid("/valid_days", format!("must be 1 to {MAX_DAYS} days, got {days}")).into());
    }
    let ack_key = match &body.ack_key {
        None => None,
        Some(text) => Some(ack::parse_key(text).ok_or_else(|| Problem::invalid("/ack_key", ack::KEY_EXPECTED))?),
    };
    let expires_at = credentials::expiry(days, now);
    let key = app.keys.token_key()?;
    let mut tx = app.store.begin().await?;
    let vehicle = lock_in_service(&mut tx, &vin).await?;
    let root = first_root(&app, &vehicle).await?;
    let object = audit::vehicle(vehicle.id);
    let holder = Holder { vehicle: vehicle.id, vin, model: vehicle.model, ack_key };
    let issued = credentials::issue(&mut tx, &key, &[holder], expires_at, &actor.name, now).await?;
    let issued = issued.into_iter().next().ok_or_else(Problem::internal)?;
    let details = json!({"credential": issued.id, "expires_at": expires_at, "ack_key": body.ack_key});
    audit::record(&mut tx, &actor.name, "credential_issued", &object, &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok((StatusCode::CREATED, Json(IssuedCredential { id: issued.id, token: issued.token, expires_at, root })))
}

async fn first_root(app: &App, vehicle: &vehicles::Vehicle) -> Result<serde_json::Value, ApiError> {
    let root = manifests::root(&app.store, &vehicle.model, Some(1)).await?;
    let (_, bytes) = root.ok_or_else(|| {
        Problem::conflict(
            "model-awaiting-root",
            format!("model {} has no signed root yet, and a vehicle must be given one to trust", vehicle.model),
        )
    })?;
    Ok(serde_json::from_slice(&bytes).map_err(|error| StoreError::inconsistent("manifest_roots", error))?)
}

/// Revoke a credential
///
/// Gateways refuse it within moments. Repeated, this changes nothing.
#[utoipa::path(delete, path = "/vehicles/{vin}/credentials/{id}", tag = "vehicles", operation_id = "revoke_credential",
    params(("vin" = Vin, Path), ("id" = Uuid, Path)), responses((status = 204)))]
async fn revoke(
    State(app): State<App>,
    actor: Actor,
    PathPart((vin, id)): PathPart<(Vin, Uuid)>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.store.begin().await?;
    let vehicle = vehicles::lock(&mut tx, &vin).await?.ok_or_else(|| not_found(&vin))?;
    if !rows::exists(&mut tx, vehicle.id, id).await? {
        return Err(Problem::not_found(format!("vehicle {vin} has no credential {id}")).into());
    }
    let now = clock::now();
    credentials::revoke(&mut tx, vehicle.id, &vin, Some(id), now).await?;
    let details = json!({"credential": id});
    audit::record(&mut tx, &actor.name, "credential_revoked", &audit::vehicle(vehicle.id), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(%vin, credential = %id, actor = actor.name, "revoked a credential");
    Ok(StatusCode::NO_CONTENT)
}
