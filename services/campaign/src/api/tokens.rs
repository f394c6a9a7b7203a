//! The bearer tokens of people and programs. A token is shown once, when it is issued; only its hash is kept.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_http::{Json, Problem};
use otaru_store::access::{self, NewToken, TokenRow};
use otaru_store::{StoreError, audit, models};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Actor, Role, hash, new_secret};
use crate::check;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::oidc;
use crate::openapi;
use crate::page::PageQuery;

const MAX_NAME_BYTES: usize = 100;
const MAX_DAYS: i64 = 3650;
const MAX_SCOPE: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// A token to be issued.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub struct Body {
    /// Who uses it: the actor in logs and events. No two tokens share a name.
    #[schema(example = "ci", max_length = 100)]
    pub name: String,
    pub role: Role,
    /// The models whose things it may change, 1 to 100; without it, all. What its role may read it reads.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub models: Option<Vec<ModelId>>,
    /// The kinds of calls it may make, by the first part of their path below `/api/v1`; without it, all.
    #[serde(default)]
    #[schema(max_items = 100, example = json!(["campaigns", "audit"]))]
    pub calls: Option<Vec<String>>,
    /// How many days it is good for; without it, until it is revoked.
    #[schema(minimum = 1, maximum = 3650)]
    pub valid_days: Option<i64>,
}

/// A token that was issued: the only time it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IssuedToken {
    pub id: Uuid,
    pub name: String,
    pub role: Role,
    pub models: Option<Vec<String>>,
    pub calls: Option<Vec<String>>,
    pub expires_at: Option<DateTime<Utc>>,
    /// To be sent as `Authorization: Bearer …`.
    #[schema(example = "otaru_5V1mXh3mB5N0m1v0Jd0kZ0p8r1c2d3e4f5g6h7i8j9k")]
    pub token: String,
}

/// A token as it is listed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Token {
    pub id: Uuid,
    pub name: String,
    pub role: Role,
    /// The models whose things it may change; null for all.
    pub models: Option<Vec<String>>,
    /// The kinds of calls it may make; null for all.
    pub calls: Option<Vec<String>>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Tokens in the order of their issue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TokenPage {
    pub items: Vec<Token>,
    pub next_cursor: Option<String>,
}

impl TryFrom<TokenRow> for Token {
    type Error = StoreError;

    fn try_from(row: TokenRow) -> Result<Self, StoreError> {
        let role = Role::parse(&row.role)
            .ok_or_else(|| StoreError::inconsistent("api_tokens", format!("role {:?}", row.role)))?;
        Ok(Self {
            id: row.id,
            name: row.name,
            role,
            models: row.models,
            calls: row.calls,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        })
    }
}

/// List tokens
///
/// For admins.
#[utoipa::path(get, path = "/tokens", tag = "tokens", operation_id = "list_tokens", params(PageQuery), responses((status = 200, body = TokenPage)))]
async fn list(State(app): State<App>, _: Actor, Query(page): Query<PageQuery>) -> Result<Json<TokenPage>, ApiError> {
    let window = page.window::<Uuid>()?;
    let rows = access::tokens(&app.store, window.after, window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |row| row.id);
    let items = rows.into_iter().map(Token::try_from).collect::<Result<_, _>>()?;
    Ok(Json(TokenPage { items, next_cursor }))
}

/// Issue a token
///
/// For admins. The token is in this answer and nowhere else.
#[utoipa::path(post, path = "/tokens", tag = "tokens", operation_id = "create_token", request_body = Body,
    responses((status = 201, body = IssuedToken)))]
async fn create(
    State(app): State<App>,
    actor: Actor,
    Json(body): Json<Body>,
) -> Result<(StatusCode, Json<IssuedToken>), ApiError> {
    if !actor.scope.is_full() {
        return Err(Problem::forbidden("a token that is limited itself issues no others").into());
    }
    check::name("/name", &body.name, MAX_NAME_BYTES)?;
    // Such a token would pass for a person whom a provider signed in.
    if body.name.trim().to_lowercase().starts_with(oidc::ACTOR_PREFIX) {
        let detail =
            format!("{:?} is for people whom an OpenID provider signs in; take another name", oidc::ACTOR_PREFIX);
        return Err(Problem::invalid("/name", detail).into());
    }
    let models = models_of(&app, &body).await?;
    check_calls(body.calls.as_deref())?;
    let now = clock::now();
    let expires_at = body.valid_days.map(|days| expiry("/valid_days", days, MAX_DAYS, now)).transpose()?;
    let secret = new_secret()?;
    let id = Uuid::now_v7();
    let token = NewToken { id, name: &body.name, secret_sha256: &hash(&secret), role: body.role.as_str(), expires_at };
    let mut tx = app.store.begin().await?;
    if !access::create_token(&mut tx, &token, now).await? {
        let detail = format!("a token is or was called {:?}; take another name", body.name);
        return Err(Problem::conflict("token-exists", detail).pointer("/name").into());
    }
    access::set_scope(&mut tx, id, models.as_deref(), body.calls.as_deref()).await?;
    let details = json!({
        "name": body.name, "role": body.role, "models": models, "calls": body.calls, "expires_at": expires_at,
    });
    audit::record(&mut tx, &actor.name, "token_issued", &format!("token-{id}"), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(token = %id, name = body.name, role = body.role.as_str(), actor = actor.name, "issued a token");
    let (name, role, calls) = (body.name, body.role, body.calls);
    Ok((StatusCode::CREATED, Json(IssuedToken { id, name, role, models, calls, expires_at, token: secret })))
}

/// The models that the token is to be limited to, which must exist.
async fn models_of(app: &App, body: &Body) -> Result<Option<Vec<String>>, ApiError> {
    let Some(asked) = &body.models else { return Ok(None) };
    check::count("/models", asked.len(), 1, MAX_SCOPE)?;
    let known = models::get_all(&app.store, asked).await?;
    match asked.iter().position(|id| !known.iter().any(|model| model.id == *id)) {
        Some(at) => Err(Problem::invalid(format!("/models/{at}"), format!("there is no model {}", asked[at])).into()),
        None => Ok(Some(asked.iter().map(ToString::to_string).collect())),
    }
}

/// Only kinds of calls that there are: a limit with a slip of the pen would be another limit.
fn check_calls(calls: Option<&[String]>) -> Result<(), Problem> {
    let Some(calls) = calls else { return Ok(()) };
    check::count("/calls", calls.len(), 1, MAX_SCOPE)?;
    let known = openapi::kinds();
    match calls.iter().position(|call| !known.contains(call)) {
        Some(at) => {
            let known: Vec<String> = known.into_iter().collect();
            let detail = format!("there are no such calls; there are {}", known.join(", "));
            Err(Problem::invalid(format!("/calls/{at}"), detail))
        }
        None => Ok(()),
    }
}

/// Revoke a token
///
/// For admins. It stays in the list, and its name stays taken.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", operation_id = "revoke_token",
    params(("id" = Uuid, Path)), responses((status = 204)))]
async fn revoke(State(app): State<App>, actor: Actor, PathPart(id): PathPart<Uuid>) -> Result<StatusCode, ApiError> {
    let mut tx = app.store.begin().await?;
    let now = clock::now();
    if !access::revoke_token(&mut tx, id, now).await? {
        return Err(Problem::not_found(format!("there is no token {id}")).into());
    }
    audit::record(&mut tx, &actor.name, "token_revoked", &format!("token-{id}"), &json!({}), now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(token = %id, actor = actor.name, "revoked a token");
    Ok(StatusCode::NO_CONTENT)
}

/// `days` from `now`.
///
/// # Errors
/// 422 at `pointer` unless there are 1 to `most` days.
pub(crate) fn expiry(pointer: &str, days: i64, most: i64, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    if (1..=most).contains(&days) {
        return Ok(now + TimeDelta::days(days));
    }
    Err(Problem::invalid(pointer, format!("must be 1 to {most} days, got {days}")))
}
