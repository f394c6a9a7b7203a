//! What people decide about vehicles that speak Uptane: the roots of a model's two repositories, and the keys that ECUs'
//! reports are held against.

mod ecus;
mod roots;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub(crate) use roots::demo_roots;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(roots::routes()).merge(ecus::routes())
}
