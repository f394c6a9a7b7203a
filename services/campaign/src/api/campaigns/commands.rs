//! `POST /campaigns/{id}/start`, `pause`, `resume` and `cancel`.

use axum::extract::State;
use bytes::Bytes;
use otaru_domain::campaign::Command;
use otaru_domain::clock;
use otaru_domain::id::CampaignId;
use otaru_http::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use super::found;
use super::view::CampaignView;
use crate::app::App;
use crate::auth::Actor;
use crate::check;
use crate::engine;
use crate::error::ApiError;
use crate::extract::PathPart;

pub(super) const MAX_REASON_BYTES: usize = 1000;

/// What may come with a command; an empty body is none.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandRequest {
    /// Why, for those who ask later; at most 1000 bytes.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub(super) reason: Option<String>,
}

async fn carry_out(
    app: App,
    actor: Actor,
    id: CampaignId,
    command: Command,
    body: Bytes,
) -> Result<Json<CampaignView>, ApiError> {
    let request = if body.is_empty() { CommandRequest::default() } else { Json::parse(&body)?.0 };
    if let Some(reason) = &request.reason {
        check::plain("/reason", reason, MAX_REASON_BYTES)?;
    }
    let now = clock::now();
    engine::command(&app, &actor.name, id, command, request.reason.as_deref(), now).await?;
    Ok(Json(CampaignView::of(&found(&app.store, id).await?, now)))
}

/// Start a campaign
///
/// Freezes who is in it and which wave each is in, and publishes it to the models' topics. A draft whose
/// `start_at` lies ahead is scheduled instead; started again, it begins at once.
#[utoipa::path(
    post,
    path = "/campaigns/{id}/start", operation_id = "start_campaign",
    tag = "campaigns",
    params(("id" = i64, Path)),
    request_body(content = Option<CommandRequest>),
    responses((status = 200, description = "Started or scheduled", body = CampaignView))
)]
pub(crate) async fn start(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<CampaignId>,
    body: Bytes,
) -> Result<Json<CampaignView>, ApiError> {
    carry_out(app, actor, id, Command::Start, body).await
}

/// Pause a campaign
///
/// Nobody begins to install until it is resumed, and no wave opens; what is under way goes on.
#[utoipa::path(
    post,
    path = "/campaigns/{id}/pause", operation_id = "pause_campaign",
    tag = "campaigns",
    params(("id" = i64, Path)),
    request_body(content = Option<CommandRequest>),
    responses((status = 200, description = "Paused", body = CampaignView))
)]
pub(crate) async fn pause(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<CampaignId>,
    body: Bytes,
) -> Result<Json<CampaignView>, ApiError> {
    carry_out(app, actor, id, Command::Pause, body).await
}

/// Resume a campaign
#[utoipa::path(
    post,
    path = "/campaigns/{id}/resume", operation_id = "resume_campaign",
    tag = "campaigns",
    params(("id" = i64, Path)),
    request_body(content = Option<CommandRequest>),
    responses((status = 200, description = "Running", body = CampaignView))
)]
pub(crate) async fn resume(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<CampaignId>,
    body: Bytes,
) -> Result<Json<CampaignView>, ApiError> {
    carry_out(app, actor, id, Command::Resume, body).await
}

/// Cancel a campaign
///
/// For good: what has not ended is withdrawn. What a vehicle reports none the less replaces that.
#[utoipa::path(
    post,
    path = "/campaigns/{id}/cancel", operation_id = "cancel_campaign",
    tag = "campaigns",
    params(("id" = i64, Path)),
    request_body(content = Option<CommandRequest>),
    responses((status = 200, description = "Cancelled", body = CampaignView))
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<CampaignId>,
    body: Bytes,
) -> Result<Json<CampaignView>, ApiError> {
    carry_out(app, actor, id, Command::Cancel, body).await
}

/// Approve a wave
///
/// Says that the wave went well, so that the next one may open. Only waves whose gate asks for it wait for this.
#[utoipa::path(
    post,
    path = "/campaigns/{id}/waves/{number}/approve", operation_id = "approve_wave",
    tag = "campaigns",
    params(("id" = i64, Path), ("number" = u32, Path, description = "1 for the first")),
    responses((status = 200, description = "Approved", body = CampaignView))
)]
pub(crate) async fn approve_wave(
    State(app): State<App>,
    actor: Actor,
    PathPart((id, number)): PathPart<(CampaignId, u32)>,
) -> Result<Json<CampaignView>, ApiError> {
    let now = clock::now();
    engine::approve_wave(&app, &actor.name, id, number, now).await?;
    Ok(Json(CampaignView::of(&found(&app.store, id).await?, now)))
}
