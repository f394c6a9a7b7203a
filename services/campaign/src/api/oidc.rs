//! Signing in by an OpenID provider, as a browser goes through it: away to the provider, and back with a code. A
//! browser that cannot be signed in comes to the sign-in page, which says why; a program gets a problem.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use otaru_domain::clock;
use otaru_http::{Json, Problem};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::session::NO_STORE;
use crate::app::App;
use crate::auth;
use crate::error::ApiError;
use crate::extract::Query;
use crate::oidc::{self, Flow, LIFE, Oidc, Refusal, local_path};
use crate::session;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(options)).routes(routes!(begin)).routes(routes!(callback))
}

/// The ways to sign in beside a token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignInOptions {
    /// An OpenID provider; null when there is none.
    oidc: Option<OidcOption>,
}

/// An OpenID provider to sign in by, at `/api/v1/session/oidc`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OidcOption {
    /// What people call it.
    #[schema(example = "Example AG")]
    label: String,
}

/// How can I sign in?
///
/// It needs no token.
#[utoipa::path(
    get,
    path = "/session/options", operation_id = "get_sign_in_options",
    tag = "tokens",
    responses((status = 200, description = "The ways", body = SignInOptions))
)]
pub(crate) async fn options(State(app): State<App>) -> impl IntoResponse {
    let oidc = app.oidc.as_deref().map(|oidc| OidcOption { label: oidc.config.label.clone() });
    (AppendHeaders([NO_STORE]), Json(SignInOptions { oidc }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BeginQuery {
    /// Where to go afterwards: a path of the dashboard.
    to: Option<String>,
}

/// Sign in by the OpenID provider
///
/// For browsers: sends them to the provider, which sends them back to `/session/oidc/callback`. It needs no token.
#[utoipa::path(
    get,
    path = "/session/oidc", operation_id = "begin_oidc_session",
    tag = "tokens",
    params(BeginQuery),
    responses((status = 303, description = "To the provider, or to the sign-in page, which says what is wrong"))
)]
pub(crate) async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<BeginQuery>,
) -> Result<Response, ApiError> {
    let oidc = offered(&app)?;
    let begun = match oidc.provider.begin(&oidc.config).await {
        Ok(begun) => begun,
        Err(refusal) => return refused(refusal, &headers, oidc),
    };
    let flow = Flow {
        id: Uuid::now_v7(),
        state: begun.state,
        nonce: begun.nonce,
        verifier: begun.verifier,
        to: local_path(query.to.as_deref()),
        until: clock::now() + LIFE,
    };
    let sealed = flow.seal(&oidc.config).map_err(|_| Problem::internal())?;
    let cookie = session::flow_cookie(&sealed, LIFE.num_seconds(), oidc.config.is_public_https())?;
    Ok(to(begun.url.as_str(), [cookie])?)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    /// RFC 9207.
    iss: Option<String>,
    error: Option<String>,
}

/// Come back from the OpenID provider
///
/// For browsers: the answer sets the session's cookie. It needs no token, but the cookie of the browser that began.
#[utoipa::path(
    get,
    path = "/session/oidc/callback", operation_id = "finish_oidc_session",
    tag = "tokens",
    params(CallbackQuery),
    responses((status = 303, description = "To the dashboard, or to the sign-in page, which says what is wrong"))
)]
pub(crate) async fn callback(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<CallbackQuery>,
) -> Result<Response, ApiError> {
    let oidc = offered(&app)?;
    let secure = oidc.config.is_public_https();
    match finish(&app, oidc, &headers, query).await? {
        Ok((secret, path)) => Ok(to(&path, [session::begin(&secret, secure)?, session::flow_cookie("", 0, secure)?])?),
        Err(refusal) => refused(refusal, &headers, oidc),
    }
}

/// The session's secret and where to go; a refusal is the person's to hear.
async fn finish(
    app: &App,
    oidc: &Oidc,
    headers: &HeaderMap,
    query: CallbackQuery,
) -> Result<Result<(String, String), Refusal>, ApiError> {
    let now = clock::now();
    let flow = session::flow(headers).and_then(|sealed| Flow::open(&sealed, &oidc.config, now));
    let Some(flow) =
        flow.filter(|flow| query.state.as_deref().is_some_and(|state| auth::hash(state) == auth::hash(&flow.state)))
    else {
        return Ok(Err(Refusal::Flow));
    };
    if query.iss.is_some_and(|issuer| issuer != oidc.config.issuer) {
        return Ok(Err(Refusal::Flow));
    }
    if let Some(error) = query.error {
        tracing::warn!(error, "the OpenID provider did not sign somebody in");
        return Ok(Err(Refusal::Denied));
    }
    let Some(code) = query.code else { return Ok(Err(Refusal::Flow)) };
    let person = match oidc.provider.finish(&oidc.config, &flow, code).await {
        Ok(person) => person,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let begun = oidc::begin_session(&app.store, oidc, flow.id, &person, now).await?;
    Ok(begun.map(|secret| (secret, flow.to)))
}

fn offered(app: &App) -> Result<&Oidc, Problem> {
    let none = || Problem::not_found("there is no OpenID provider here: sign in with a token");
    app.oidc.as_deref().ok_or_else(none)
}

/// A browser's person reads it on the sign-in page. The flow is over in any case.
fn refused(refusal: Refusal, headers: &HeaderMap, oidc: &Oidc) -> Result<Response, ApiError> {
    let ended = session::flow_cookie("", 0, oidc.config.is_public_https())?;
    let html = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if html.contains("text/html") {
        return Ok(to(&format!("/sign-in?error={}", refusal.code()), [ended])?);
    }
    Ok((AppendHeaders([NO_STORE, (header::SET_COOKIE, ended)]), refusal.problem()).into_response())
}

fn to<const N: usize>(location: &str, cookies: [HeaderValue; N]) -> Result<Response, Problem> {
    let location = HeaderValue::from_str(location).map_err(|_| Problem::internal())?;
    let mut response = (StatusCode::SEE_OTHER, AppendHeaders([NO_STORE, (header::LOCATION, location)])).into_response();
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
