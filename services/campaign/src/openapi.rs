//! The API's description (OpenAPI 3.1), made from the handlers themselves. What every call may answer is
//! said once here, not at each handler.

use std::collections::BTreeSet;
use utoipa::openapi::path::{Operation, PathItem};

use axum::http::Method;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::{access, api};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Otaru campaign API",
        description = "Over-the-air updates for vehicle fleets: models, vehicles, artifacts, releases, campaigns.\n\n\
            Every call needs a bearer token, or a browser's session cookie (`POST /session`). \
            Roles: viewer, engineer, approver, admin; each may do what the ones before it may. \
            The role that a call needs is named with its security. A token may be limited to kinds of calls and to models.\n\n\
            Lists are pages: send `next_cursor` as `cursor` to go on. Errors are `application/problem+json` (RFC 9457).\n\n\
            Creating calls with a JSON body take an `Idempotency-Key`: repeated within 24 hours, the same request with the \
            same key is answered as the first was, and nothing is done twice. Uploads and imports can be repeated as they are.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(otaru_http::ProblemBody)),
    modifiers(&Security),
    security(("token" = [])),
    tags(
        (name = "models", description = "Vehicle models, their hardware ids and their signed roots"),
        (name = "vehicles", description = "Vehicles, their software as last reported, and their credentials"),
        (name = "artifacts", description = "Immutable files, addressed by SHA-256"),
        (name = "releases", description = "Sets of images, one per hardware id"),
        (name = "campaigns", description = "Rollouts: a release for the vehicles that an expression selects, in waves"),
        (name = "fleet", description = "What happens now: events, figures, dead letters"),
        (name = "evidence", description = "Who did what, and what an auditor asks for: the log, dossiers, RXSWINs"),
        (name = "tokens", description = "Bearer tokens of people and programs, and the sessions of people whom a provider signed in"),
    ),
)]
struct Base;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("otaru_…").build();
        openapi.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// Errors by status, with the key of their description among the components.
const ERRORS: [(&str, &str, &str); 9] = [
    ("400", "BadRequest", "The request cannot be understood"),
    ("401", "Unauthorized", "No token, or one that does not work"),
    ("403", "Forbidden", "The token's role does not suffice"),
    ("404", "NotFound", "There is no such thing"),
    ("409", "Conflict", "The state of things does not allow it"),
    ("413", "TooLarge", "The body is larger than the call takes"),
    ("415", "MediaType", "The body is of another media type"),
    ("422", "Invalid", "A field is not acceptable; `pointer` names it"),
    ("503", "Unavailable", "Something behind the service is away; come back after `Retry-After`"),
];

/// The routes under their prefix, with what the description says of all of them.
pub(crate) fn describe(v1: OpenApiRouter<App>) -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Base::openapi()).nest("/api/v1", v1)
}

/// Adds what every operation may answer.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    for (_, name, description) in ERRORS {
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response =
            ResponseBuilder::new().description(description).content("application/problem+json", problem).build();
        components.responses.insert(name.to_owned(), RefOr::T(response));
    }
    for (path, item) in &mut document.paths.paths {
        name_roles(path, item);
        let parts = path.contains('{');
        let reading = [&mut item.get];
        for operation in reading.into_iter().flatten() {
            add_errors(operation, |status| {
                matches!(status, "400" | "401" | "403" | "503") || (parts && status == "404")
            });
        }
        let writing = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in writing.into_iter().flatten() {
            let body = operation.request_body.is_some();
            add_errors(operation, |status| match status {
                "404" => parts,
                "413" | "415" | "422" => body,
                _ => true,
            });
        }
    }
    document
}

/// Each operation says which role it needs, unless it says something else itself.
fn name_roles(path: &str, item: &mut PathItem) {
    let operations = [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    for (method, operation) in operations {
        let Some(operation) = operation.as_mut().filter(|operation| operation.security.is_none()) else { continue };
        operation.security = Some(vec![if access::is_open(&method, path) {
            SecurityRequirement::default()
        } else {
            SecurityRequirement::new("token", [access::required(&method, path).as_str()])
        }]);
    }
}

/// The kinds of calls, by the first part of their path.
pub(crate) fn kinds() -> BTreeSet<String> {
    let document = openapi();
    let below = document.paths.paths.keys().filter_map(|path| path.strip_prefix(access::PREFIX));
    below.filter_map(|path| path.split('/').nth(1)).map(str::to_owned).collect()
}

fn add_errors(operation: &mut Operation, applies: impl Fn(&str) -> bool) {
    for (status, name, _) in ERRORS {
        if applies(status) && !operation.responses.responses.contains_key(status) {
            let response = RefOr::Ref(Ref::from_response_name(name));
            operation.responses.responses.insert(status.to_owned(), response);
        }
    }
}

/// The description of the whole API.
#[must_use]
pub fn openapi() -> OpenApi {
    let v1 = OpenApiRouter::new().merge(api::routes()).merge(api::streamed_routes()).merge(api::open_routes());
    finish(describe(v1).into_openapi())
}
