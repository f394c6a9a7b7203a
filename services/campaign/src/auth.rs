//! Who calls, and what they may do. A handler that takes an [`Actor`] has an authenticated caller, and the
//! middleware refuses everything under `/api/v1` but signing in that comes without one, whatever the handler takes.

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_http::Problem;
use otaru_store::access::{self, NewToken};
use otaru_store::{Store, StoreError, audit};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access as roles;
use crate::app::App;
use crate::error::ApiError;
use crate::oidc;
use crate::scope::{self, Scope};
use crate::session;

/// What a token may do; each role may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Creates and changes models, vehicles, artifacts, releases and campaigns.
    Engineer,
    /// Approves what engineers submit.
    Approver,
    /// Issues tokens and takes roots in.
    Admin,
}

impl Role {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Engineer => "engineer",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Viewer, Self::Engineer, Self::Approver, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

/// The authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The actor in logs and events: the token's name, or `oidc:<subject>@<issuer>`.
    pub name: String,
    /// How a person's provider calls them: to be shown, never to be compared.
    pub display_name: Option<String>,
    pub role: Role,
    pub scope: Scope,
    /// The session by which a person whom a provider signed in calls.
    pub session: Option<Uuid>,
}

impl Actor {
    /// Refuses a caller whose role is below `role`.
    ///
    /// # Errors
    /// 403.
    pub fn require(&self, role: Role) -> Result<(), ApiError> {
        if self.role >= role {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "this needs a token with the role {}; {:?} has the role {}",
            role.as_str(),
            self.name,
            self.role.as_str()
        ))
        .into())
    }
}

impl FromRequestParts<App> for Actor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if let Some(actor) = parts.extensions.get::<Self>() {
            return Ok(actor.clone());
        }
        authenticate(app, &parts.method, &parts.headers).await
    }
}

/// Lets nobody pass without a token that works, in the header or in the session's cookie, nobody whose role does
/// not suffice for the call, and no token that is limited to other calls: before the body is looked at, and
/// whatever a handler forgets to ask.
///
/// # Errors
/// 401, 403, or 503 while the database is away.
pub async fn authenticated(State(app): State<App>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let actor = authenticate(&app, request.method(), request.headers()).await?;
    let pattern = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    actor.require(roles::required(request.method(), pattern))?;
    scope::permit(&app.store, &actor, request.method(), request.uri().path()).await?;
    request.extensions_mut().insert(actor);
    Ok(next.run(request).await)
}

/// The bearer token of a request.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The token that a request is authenticated by: what it says outweighs what its browser adds.
#[must_use]
pub fn secret(headers: &HeaderMap) -> Option<String> {
    if headers.contains_key(header::AUTHORIZATION) {
        return bearer(headers).map(str::to_owned);
    }
    session::token(headers)
}

/// Who makes a request with these headers.
///
/// # Errors
/// 401, 403 for a browser that another site made send it, or 503 while the database is away.
pub async fn authenticate(app: &App, method: &Method, headers: &HeaderMap) -> Result<Actor, ApiError> {
    let secret = secret(headers).ok_or_else(|| Problem::unauthorized("send a token: Authorization: Bearer otaru_…"))?;
    if !method.is_safe() && !headers.contains_key(header::AUTHORIZATION) {
        session::same_origin(headers)?;
    }
    let now = clock::now();
    // A provider's session is a browser's: its secret is no bearer token.
    if !headers.contains_key(header::AUTHORIZATION)
        && let Some(actor) = oidc::actor_of(&app.store, app.oidc.as_deref(), &secret, now).await?
    {
        return Ok(actor);
    }
    actor_of(&app.store, &secret, now).await
}

/// Whose token it is.
///
/// # Errors
/// 401 unless it works at `now`.
pub async fn actor_of(store: &Store, secret: &str, now: DateTime<Utc>) -> Result<Actor, ApiError> {
    let refused = |detail: &str| ApiError::from(Problem::unauthorized(detail));
    let token = access::token_of(store, &hash(secret)).await?.ok_or_else(|| refused("this token is not known here"))?;
    if token.revoked_at.is_some() {
        return Err(refused("this token was revoked"));
    }
    if token.expires_at.is_some_and(|at| at <= now) {
        return Err(refused("this token has expired; have a new one issued"));
    }
    let role = Role::parse(&token.role)
        .ok_or_else(|| StoreError::inconsistent("api_tokens", format!("role {:?}", token.role)))?;
    let scope = Scope { models: token.models, calls: token.calls };
    Ok(Actor { name: token.name, display_name: None, role, scope, session: None })
}

/// What is kept of a token.
#[must_use]
pub fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// A new token: 256 bits from the operating system.
///
/// # Errors
/// When it gives no randomness.
pub fn new_secret() -> Result<String, ApiError> {
    use base64::Engine as _;
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| Problem::unavailable("the operating system gave no randomness", 1))?;
    Ok(format!("otaru_{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)))
}

/// The first admin's token, made when there is no admin yet; to be shown once.
///
/// # Errors
/// [`ApiError`] when the database or the randomness fails.
pub async fn ensure_admin_token(store: &Store, now: DateTime<Utc>) -> Result<Option<String>, ApiError> {
    let secret = new_secret()?;
    let made = add_admin(store, &secret, now, true).await?;
    Ok(made.then_some(secret))
}

/// Accepts `secret` as an admin's token. Known already, nothing changes: revoked, it stays revoked.
///
/// # Errors
/// [`ApiError`] when the database fails.
pub async fn accept_admin_token(store: &Store, secret: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
    if access::token_of(store, &hash(secret)).await?.is_none() {
        add_admin(store, secret, now, false).await?;
    }
    Ok(())
}

async fn add_admin(store: &Store, secret: &str, now: DateTime<Utc>, only_first: bool) -> Result<bool, ApiError> {
    let mut tx = store.begin().await?;
    if access::has_admin(&mut tx, now).await? && only_first {
        return Ok(false);
    }
    let id = Uuid::now_v7();
    // The first is plainly "admin"; later ones must not take a name that is in use.
    for name in ["admin".to_owned(), format!("admin-{id}")] {
        let token = NewToken { id, name: &name, secret_sha256: &hash(secret), role: "admin", expires_at: None };
        if access::create_token(&mut tx, &token, now).await? {
            let details = serde_json::json!({"name": name, "role": "admin"});
            audit::record(&mut tx, "system", "token_issued", &format!("token-{id}"), &details, now).await?;
            break;
        }
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(true)
}
