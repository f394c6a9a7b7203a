//! The gateway's HTTP API and its description.

pub(crate) mod acks;
mod inventory;
mod metadata;
mod shared;
mod stream;
mod targets;
mod update;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Router, middleware};
use otaru_http::{Problem, ProblemBody};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;
use crate::{ddi, limits, uptane};

pub(crate) use shared::{BodyProblems, FileProblems, VehicleProblems, whole};
pub(crate) use update::jittered_secs;

/// The longest body of a request.
pub(crate) const MAX_BODY_BYTES: usize = 1 << 20;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Otaru gateway",
        description = "What vehicles talk to: poll or stream for updates, report each step, fetch the model's TUF \
                       repository. Errors are problems (RFC 9457); what comes with Retry-After may be tried again.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "vehicle", description = "A vehicle, for itself: the token must be that of the VIN in the path."),
        (name = "tuf", description = "A model's TUF 1.0 repository. Needs no token: all of it is signed."),
        (name = "uptane", description = "Uptane in aktualizr's dialect, of a gateway that is a Director (--director-keys). The \
                                         vehicle is the token's, or the certificate's."),
    ),
    components(schemas(ProblemBody)),
    modifiers(&VehicleToken),
)]
struct Api;

struct VehicleToken;

impl Modify for VehicleToken {
    fn modify(&self, openapi: &mut Document) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        if let Some(components) = openapi.components.as_mut() {
            components.add_security_scheme("vehicle_token", SecurityScheme::Http(bearer));
        }
    }
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(update::update))
        .routes(routes!(stream::stream))
        .routes(routes!(acks::post_acks))
        .routes(routes!(inventory::put_inventory))
        .routes(routes!(metadata::metadata))
        .routes(routes!(targets::target))
        .merge(uptane::routes())
}

/// The OpenAPI 3.1 description of what vehicles call.
#[must_use]
pub fn openapi() -> Document {
    routes().into_openapi()
}

/// All that a gateway answers.
pub(crate) fn router(app: App) -> Router {
    let (api, description) = routes().split_for_parts();
    let api = api
        .merge(ddi::routes())
        .fallback(|| async { Problem::not_found("there is nothing at this address; see /docs") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this address takes another method; see /docs")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(app.clone(), limits::guard))
        .layer(CatchPanicLayer::custom(limits::after_panic));
    let health = app.health.clone();
    api.with_state(app)
        .merge(SwaggerUi::new("/docs").url("/openapi.json", description))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
        .merge(otaru_http::health_routes(health))
        .merge(otaru_http::metrics_routes())
}

/// For the debug log. No headers, for one of them is the token; failures are logged where they happen.
fn span(request: &Request) -> Span {
    tracing::debug_span!("request", method = %request.method(), path = request.uri().path(), vin = tracing::field::Empty)
}

/// An answer without content.
pub(crate) fn empty(status: StatusCode) -> Response {
    status.into_response()
}
