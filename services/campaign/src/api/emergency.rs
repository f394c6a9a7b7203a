//! `/emergency-stop` and `POST /releases/{id}/recall`: the levers for the worst day.

use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::{CampaignId, ReleaseId};
use otaru_http::{Json, Problem};
use otaru_store::emergency;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Actor;
use crate::check;
use crate::engine;
use crate::error::ApiError;
use crate::extract::PathPart;

const MAX_REASON_BYTES: usize = 1000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, stop, lift)).routes(routes!(recall))
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReasonRequest {
    /// For those who ask later; 1 to 1000 bytes.
    #[schema(max_length = 1000)]
    reason: String,
}

impl ReasonRequest {
    fn checked(self) -> Result<String, Problem> {
        check::name("/reason", &self.reason, MAX_REASON_BYTES)?;
        Ok(self.reason)
    }
}

/// Whether everything is stopped.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmergencyStopView {
    stopped: bool,
    reason: Option<String>,
    stopped_at: Option<DateTime<Utc>>,
    stopped_by: Option<String>,
    /// The campaigns that this call halted.
    halted: Vec<CampaignId>,
}

async fn view(app: &App, halted: Vec<CampaignId>) -> Result<Json<EmergencyStopView>, ApiError> {
    let stop = emergency::current(&app.store).await?;
    Ok(Json(EmergencyStopView {
        stopped: stop.is_some(),
        reason: stop.as_ref().map(|stop| stop.reason.clone()),
        stopped_at: stop.as_ref().map(|stop| stop.stopped_at),
        stopped_by: stop.map(|stop| stop.stopped_by),
        halted,
    }))
}

/// Whether everything is stopped
#[utoipa::path(
    get,
    path = "/emergency-stop", operation_id = "get_emergency_stop",
    tag = "emergency",
    responses((status = 200, description = "How it stands", body = EmergencyStopView))
)]
pub(crate) async fn get(State(app): State<App>, _: Actor) -> Result<Json<EmergencyStopView>, ApiError> {
    view(&app, Vec::new()).await
}

/// Stop everything
///
/// From this call on nothing is offered to any vehicle, and every campaign under way is halted. What vehicles install
/// already goes on. Nothing starts or resumes before the stop is lifted.
#[utoipa::path(
    put,
    path = "/emergency-stop", operation_id = "emergency_stop",
    tag = "emergency",
    request_body = ReasonRequest,
    responses((status = 200, description = "Stopped", body = EmergencyStopView))
)]
pub(crate) async fn stop(
    State(app): State<App>,
    actor: Actor,
    Json(request): Json<ReasonRequest>,
) -> Result<Json<EmergencyStopView>, ApiError> {
    let halted = engine::stop(&app, &actor.name, &request.checked()?, clock::now()).await?;
    view(&app, halted).await
}

/// Lift the emergency stop
///
/// Campaigns stay halted until each is resumed.
#[utoipa::path(
    delete,
    path = "/emergency-stop", operation_id = "lift_emergency_stop",
    tag = "emergency",
    request_body(content = Option<ReasonRequest>),
    responses((status = 200, description = "Lifted, or there was none", body = EmergencyStopView))
)]
pub(crate) async fn lift(
    State(app): State<App>,
    actor: Actor,
    body: Bytes,
) -> Result<Json<EmergencyStopView>, ApiError> {
    let reason = if body.is_empty() { None } else { Some(Json::<ReasonRequest>::parse(&body)?.0.checked()?) };
    engine::lift(&app, &actor.name, reason.as_deref(), clock::now()).await?;
    view(&app, Vec::new()).await
}

/// What a recall did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Recalled {
    release: ReleaseId,
    /// The campaigns that were cancelled.
    cancelled: Vec<CampaignId>,
}

/// Recall a release
///
/// For good: no campaign may offer it again, its images leave the models' targets, and its campaigns are cancelled.
#[utoipa::path(
    post,
    path = "/releases/{id}/recall", operation_id = "recall_release",
    tag = "emergency",
    params(("id" = i64, Path)),
    request_body = ReasonRequest,
    responses((status = 200, description = "Recalled", body = Recalled))
)]
pub(crate) async fn recall(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ReleaseId>,
    Json(request): Json<ReasonRequest>,
) -> Result<(StatusCode, Json<Recalled>), ApiError> {
    let cancelled = engine::recall(&app, &actor.name, id, &request.checked()?, clock::now()).await?;
    Ok((StatusCode::OK, Json(Recalled { release: id, cancelled })))
}
