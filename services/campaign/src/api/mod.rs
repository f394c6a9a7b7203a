//! The REST API: a file per resource, each with its own request and response types. A handler checks what it
//! was given, calls the store in one transaction, and answers.

pub mod ack_signatures;
pub mod artifacts;
pub mod assignments;
pub mod audit;
pub mod campaigns;
pub mod dead_letters;
pub mod dossiers;
pub mod emergency;
pub mod encryption;
pub mod events;
pub mod evidence;
pub mod fleet;
pub mod groups;
pub mod keys;
pub mod model_bandwidth;
pub mod model_review;
pub mod models;
pub mod oidc;
pub mod progress;
pub mod releases;
pub mod roots;
pub mod rxswins;
pub mod session;
pub mod sessions;
pub mod targets;
pub mod tokens;
pub mod uptane;
pub mod vehicles;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Calls that are answered within moments.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(models::routes())
        .merge(roots::routes())
        .merge(targets::routes())
        .merge(keys::routes())
        .merge(vehicles::routes())
        .merge(uptane::routes())
        .merge(groups::routes())
        .merge(artifacts::routes())
        .merge(releases::routes())
        .merge(campaigns::routes())
        .merge(assignments::routes())
        .merge(progress::routes())
        .merge(events::routes())
        .merge(fleet::routes())
        .merge(dead_letters::routes())
        .merge(emergency::routes())
        .merge(tokens::routes())
        .merge(sessions::routes())
        .merge(model_bandwidth::routes())
        .merge(model_review::routes())
        .merge(ack_signatures::routes())
        .merge(encryption::routes())
        .merge(evidence::routes())
        .merge(rxswins::routes())
        .merge(dossiers::routes())
        .merge(audit::routes())
}

/// Calls that make out for themselves who calls.
pub(crate) fn open_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(session::routes()).merge(oidc::routes())
}

/// Calls whose body, or answer, is as large as an artifact, a fleet or the audit log.
pub(crate) fn streamed_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(artifacts::streamed_routes())
        .merge(vehicles::streamed_routes())
        .merge(audit::streamed_routes())
}
