//! The dashboard's session. It begins with a token, which then is in a cookie and nowhere a script could read it.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};
use bytes::Bytes;
use otaru_domain::clock;
use otaru_http::{Json, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::{Actor, Role, actor_of};
use crate::error::ApiError;
use crate::oidc;
use crate::session;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read, begin, end))
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionRequest {
    /// As it was issued.
    #[schema(example = "otaru_5V1mXh3mB5N0m1v0Jd0kZ0p8r1c2d3e4f5g6h7i8j9k", max_length = 1024)]
    token: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// The actor in logs and events: the token's name, or `oidc:<subject>@<issuer>`.
    name: String,
    /// What to call the person; null for a token.
    display_name: Option<String>,
    role: Role,
}

impl From<Actor> for Session {
    fn from(actor: Actor) -> Self {
        Self { name: actor.name, display_name: actor.display_name, role: actor.role }
    }
}

/// A browser must not keep who was signed in.
pub(crate) const NO_STORE: (header::HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
const MAX_TOKEN_BYTES: usize = 1024;

/// Who am I?
#[utoipa::path(
    get,
    path = "/session", operation_id = "get_session",
    tag = "tokens",
    responses((status = 200, description = "The caller", body = Session))
)]
pub(crate) async fn read(actor: Actor) -> impl IntoResponse {
    (AppendHeaders([NO_STORE]), Json(Session::from(actor)))
}

/// Sign in
///
/// For browsers: the answer sets a cookie (`HttpOnly`, `SameSite=Strict`) that authenticates the dashboard's calls. It
/// needs no token in the header, and is taken from the service's own pages only.
#[utoipa::path(
    post,
    path = "/session", operation_id = "begin_session",
    tag = "tokens",
    request_body = SessionRequest,
    responses((status = 200, description = "Signed in", body = Session))
)]
pub(crate) async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<impl IntoResponse, ApiError> {
    session::same_origin(&headers)?;
    let SessionRequest { token } = Json::parse(&body)?.0;
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Problem::unauthorized("this token is not known here").into());
    }
    let actor = actor_of(&app.store, &token, clock::now()).await?;
    tracing::info!(actor = actor.name, "signed in");
    let cookie = (header::SET_COOKIE, session::begin(&token, secure(&app, &headers))?);
    Ok((AppendHeaders([NO_STORE, cookie]), Json(Session::from(actor))))
}

/// Sign out
///
/// Forgets the cookie, and ends a session that an OpenID provider began; a token goes on working. It needs no token.
#[utoipa::path(
    delete,
    path = "/session", operation_id = "end_session",
    tag = "tokens",
    responses((status = 204, description = "Signed out"))
)]
pub(crate) async fn end(State(app): State<App>, headers: HeaderMap) -> Result<impl IntoResponse, ApiError> {
    session::same_origin(&headers)?;
    if let Some(secret) = session::token(&headers) {
        oidc::end_session(&app.store, &secret, clock::now()).await?;
    }
    let cookie = (header::SET_COOKIE, session::end(secure(&app, &headers))?);
    Ok((StatusCode::NO_CONTENT, AppendHeaders([NO_STORE, cookie])))
}

/// Whether the cookie is for TLS alone.
fn secure(app: &App, headers: &HeaderMap) -> bool {
    app.oidc.as_deref().is_some_and(|oidc| oidc.config.is_public_https()) || session::is_https(headers)
}
