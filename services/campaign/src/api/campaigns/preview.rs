//! `POST /campaigns/preview`: what a campaign would begin with, before there is one.

use axum::extract::State;
use otaru_domain::campaign::{WavePlan, check_plan};
use otaru_domain::clock;
use otaru_domain::id::ReleaseId;
use otaru_http::{Json, Problem};
use otaru_store::{campaigns, waves};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{plan_problem, target};
use crate::app::App;
use crate::auth::{Actor, Role};
use crate::error::ApiError;

/// Vehicles named in a preview.
const SAMPLE: i64 = 20;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewRequest {
    /// The release, locked or not: its models matter.
    release: ReleaseId,
    /// CEL: which vehicles of those models.
    #[schema(max_length = 4096, example = "region in [\"EU\", \"UK\"]")]
    target: String,
    /// The waves to work out the sizes of; one with all vehicles without it.
    #[serde(default)]
    waves: Option<Vec<WavePlan>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Preview {
    /// Vehicles that match now.
    matching: u64,
    waves: Vec<PreviewWave>,
    /// Up to 20 of them, by VIN. Which wave a vehicle is in is drawn when the campaign is created.
    sample: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewWave {
    number: u32,
    size: u64,
}

/// Preview a campaign
///
/// Changes nothing.
#[utoipa::path(
    post,
    path = "/campaigns/preview", operation_id = "preview_campaign",
    tag = "campaigns",
    request_body = PreviewRequest,
    responses((status = 200, description = "What it would begin with", body = Preview))
)]
pub(crate) async fn preview(
    State(app): State<App>,
    actor: Actor,
    Json(request): Json<PreviewRequest>,
) -> Result<Json<Preview>, ApiError> {
    actor.require(Role::Viewer)?;
    let target = target(&request.target)?;
    let plan = request.waves.unwrap_or_else(|| vec![WavePlan { share_ratio: 1.0, gate_installed_ratio: 1.0 }]);
    let now = clock::now();
    check_plan(&plan, None, now + chrono::TimeDelta::days(1), now).map_err(|error| plan_problem(&error))?;
    let mut tx = app.store.begin().await?;
    if campaigns::release(&mut tx, request.release).await?.is_none() {
        return Err(Problem::invalid("/release", format!("there is no release {}", request.release)).into());
    }
    drop(tx);
    let preview = waves::preview(&app.store, request.release, &target, &plan, SAMPLE).await?;
    let waves = (1..).zip(preview.waves).map(|(number, size)| PreviewWave { number, size });
    Ok(Json(Preview { matching: preview.matching, waves: waves.collect(), sample: preview.sample }))
}
