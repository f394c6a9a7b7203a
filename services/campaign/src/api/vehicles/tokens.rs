//! Opaque tokens of vehicles that come from another server: imported, listed, and revoked. Devices go on with the
//! token they have; here is only its hash.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::Vin;
use otaru_http::{Json, Problem};
use otaru_store::vehicle_tokens::{self as rows, NewVehicleToken, TokenOutcome};
use otaru_store::{StoreError, audit, vehicles};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{find, not_found};
use crate::app::App;
use crate::auth::Actor;
use crate::check;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

const MAX_TOKENS: usize = 1_000;
/// A shorter one could be guessed.
const MIN_TOKEN_BYTES: usize = 16;
const MAX_TOKEN_BYTES: usize = 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(import)).routes(routes!(list)).routes(routes!(revoke))
}

/// A vehicle and the token it has.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportToken {
    pub vin: Vin,
    /// As the device sends it after `TargetToken`; 16 to 1024 visible ASCII characters.
    #[schema(min_length = 16, max_length = 1024, example = "6a2c0e4f9b1d4c7f8e3a5b7d9c1f2e4a")]
    pub token: String,
}

/// Tokens to be imported.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportTokens)]
pub struct Body {
    /// 1 to 1,000.
    pub tokens: Vec<ImportToken>,
}

/// What became of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenStatus {
    Imported,
    /// It was imported before.
    Unchanged,
    Failed,
}

/// A token, by its place in the request, and what became of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ImportedToken {
    pub vin: Vin,
    pub status: TokenStatus,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What became of an import.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TokenReport {
    pub imported: usize,
    pub unchanged: usize,
    pub failed: usize,
    /// In the order of the request.
    pub tokens: Vec<ImportedToken>,
}

/// A vehicle's opaque token as it is listed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VehicleToken {
    pub id: Uuid,
    pub imported_at: DateTime<Utc>,
    /// The actor who imported it.
    pub imported_by: String,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Tokens in the order of their import.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VehicleTokenPage {
    pub items: Vec<VehicleToken>,
    pub next_cursor: Option<String>,
}

impl From<rows::VehicleToken> for VehicleToken {
    fn from(row: rows::VehicleToken) -> Self {
        Self { id: row.id, imported_at: row.imported_at, imported_by: row.imported_by, revoked_at: row.revoked_at }
    }
}

/// Import tokens of vehicles
///
/// For fleets that come from another server: vehicles go on with the token they have, on the device API (DDI). Only
/// hashes are kept. A token that fails does not stop the others; the same call again changes nothing.
#[utoipa::path(post, path = "/vehicles/tokens", tag = "vehicles", operation_id = "import_vehicle_tokens",
    request_body = Body, responses((status = 200, body = TokenReport)))]
async fn import(State(app): State<App>, actor: Actor, Json(body): Json<Body>) -> Result<Json<TokenReport>, ApiError> {
    check::count("/tokens", body.tokens.len(), 1, MAX_TOKENS)?;
    let hash = |token: &ImportToken| -> [u8; 32] { Sha256::digest(token.token.as_bytes()).into() };
    let new: Vec<NewVehicleToken> = body
        .tokens
        .iter()
        .map(|token| NewVehicleToken { id: Uuid::now_v7(), vin: token.vin.clone(), sha256: hash(token) })
        .collect();
    for (index, token) in body.tokens.iter().enumerate() {
        let length = token.token.len();
        if !(MIN_TOKEN_BYTES..=MAX_TOKEN_BYTES).contains(&length) || !token.token.bytes().all(|b| b.is_ascii_graphic())
        {
            let detail = format!("must be {MIN_TOKEN_BYTES} to {MAX_TOKEN_BYTES} visible ASCII characters");
            return Err(Problem::invalid(format!("/tokens/{index}/token"), detail).into());
        }
    }
    if let Some(index) = check::first_repeated(&new, |token| token.sha256) {
        let detail = "an earlier entry has the same token, and a token is one vehicle's";
        return Err(Problem::invalid(format!("/tokens/{index}/token"), detail).into());
    }
    let mut tx = app.store.begin().await?;
    let now = clock::now();
    let outcomes = rows::import(&mut tx, &new, &actor.name, now).await?;
    let imported = new.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == TokenOutcome::Imported);
    let ids: Vec<Uuid> = imported.map(|(token, _)| token.id).collect();
    if !ids.is_empty() {
        let details = json!({"tokens": ids});
        audit::record(&mut tx, &actor.name, "vehicle_tokens_imported", "fleet", &details, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    let report = report(&new, &outcomes);
    tracing::info!(imported = report.imported, failed = report.failed, actor = actor.name, "imported vehicles' tokens");
    Ok(Json(report))
}

fn report(tokens: &[NewVehicleToken], outcomes: &[TokenOutcome]) -> TokenReport {
    let imported = |token: &NewVehicleToken, outcome: &TokenOutcome| {
        let (status, detail) = match outcome {
            TokenOutcome::Imported => (TokenStatus::Imported, None),
            TokenOutcome::Unchanged => (TokenStatus::Unchanged, None),
            TokenOutcome::UnknownVehicle => {
                (TokenStatus::Failed, Some(format!("there is no vehicle {} in service", token.vin)))
            }
            TokenOutcome::Refused => {
                let detail = "another vehicle has this token, or it was revoked: give the vehicle a new one";
                (TokenStatus::Failed, Some(detail.to_owned()))
            }
        };
        ImportedToken { vin: token.vin.clone(), status, detail }
    };
    let tokens: Vec<ImportedToken> =
        tokens.iter().zip(outcomes).map(|(token, outcome)| imported(token, outcome)).collect();
    let count = |status: TokenStatus| tokens.iter().filter(|token| token.status == status).count();
    TokenReport {
        imported: count(TokenStatus::Imported),
        unchanged: count(TokenStatus::Unchanged),
        failed: count(TokenStatus::Failed),
        tokens,
    }
}

/// List the opaque tokens of a vehicle.
#[utoipa::path(get, path = "/vehicles/{vin}/tokens", tag = "vehicles", operation_id = "list_vehicle_tokens",
    params(PageQuery, ("vin" = Vin, Path)), responses((status = 200, body = VehicleTokenPage)))]
async fn list(
    State(app): State<App>,
    _: Actor,
    PathPart(vin): PathPart<Vin>,
    Query(page): Query<PageQuery>,
) -> Result<Json<VehicleTokenPage>, ApiError> {
    let window = page.window::<Uuid>()?;
    let vehicle = find(&app, &vin).await?;
    let rows = rows::list(&app.store, vehicle.id, window.after, window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |row| row.id);
    Ok(Json(VehicleTokenPage { items: rows.into_iter().map(VehicleToken::from).collect(), next_cursor }))
}

/// Revoke an opaque token
///
/// Gateways refuse it within ten seconds. Repeated, this changes nothing.
#[utoipa::path(delete, path = "/vehicles/{vin}/tokens/{id}", tag = "vehicles", operation_id = "revoke_vehicle_token",
    params(("vin" = Vin, Path), ("id" = Uuid, Path)), responses((status = 204)))]
async fn revoke(
    State(app): State<App>,
    actor: Actor,
    PathPart((vin, id)): PathPart<(Vin, Uuid)>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.store.begin().await?;
    let vehicle = vehicles::lock(&mut tx, &vin).await?.ok_or_else(|| not_found(&vin))?;
    let now = clock::now();
    if !rows::revoke(&mut tx, vehicle.id, id, now).await? {
        return Err(Problem::not_found(format!("vehicle {vin} has no token {id}")).into());
    }
    audit::record(
        &mut tx,
        &actor.name,
        "vehicle_token_revoked",
        &audit::vehicle(vehicle.id),
        &json!({"token": id}),
        now,
    )
    .await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(%vin, token = %id, actor = actor.name, "revoked an opaque token");
    Ok(StatusCode::NO_CONTENT)
}
