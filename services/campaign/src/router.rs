//! All routes of the service, and what lies around each: request ids, traces, limits, security headers.

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::response::Response;
use axum::{Router, middleware};
use otaru_http::{Problem, health_routes, metrics_routes};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;
use crate::{api, auth, idempotency, openapi, web};

/// The longest body of a call that is not streamed.
const MAX_BODY_BYTES: usize = 1 << 20;
/// How long a call may take that streams nothing.
const TIMEOUT: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The dashboard's and the API browser's components set styles from their scripts.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The service.
pub fn router(app: App) -> Router {
    let v1 = OpenApiRouter::new()
        .merge(api::routes().layer(middleware::from_fn(timeout)))
        .merge(api::streamed_routes())
        .layer(middleware::from_fn_with_state(app.clone(), idempotency::answer_once))
        .layer(middleware::from_fn_with_state(app.clone(), auth::authenticated))
        .merge(api::open_routes().layer(middleware::from_fn(timeout)))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    let (api, document) = openapi::describe(v1).split_for_parts();
    let docs = SwaggerUi::new("/api/docs").url("/api/openapi.json", openapi::finish(document));
    let health = app.health.clone();
    let router = api
        .with_state(app)
        .merge(docs)
        .merge(health_routes(health))
        .merge(metrics_routes())
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found_or_web);
    around(router)
}

fn around(router: Router) -> Router {
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let trace = TraceLayer::new_for_http().make_span_with(|request: &Request| {
        let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
        tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
    });
    router
        .layer(CatchPanicLayer::custom(|_| axum::response::IntoResponse::into_response(Problem::internal())))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(trace)
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}

async fn timeout(request: Request, next: middleware::Next) -> Result<Response, Problem> {
    let slow = |_| Problem::unavailable("this took too long and was given up; what it had begun is undone", 5);
    tokio::time::timeout(TIMEOUT, next.run(request)).await.map_err(slow)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("{method} is not possible on {}; see /api/docs", uri.path());
    Problem::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}

async fn not_found_or_web(method: Method, uri: Uri, request: Request) -> Result<Response, Problem> {
    let path = uri.path();
    if path == "/api" || path.starts_with("/api/") || (method != Method::GET && method != Method::HEAD) {
        return Err(Problem::not_found(format!("there is nothing at {path}; see /api/docs")));
    }
    Ok(web::serve(path, request.headers()))
}
