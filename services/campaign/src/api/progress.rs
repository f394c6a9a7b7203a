//! `GET /campaigns/{id}/progress`: from the counters, at the same cost for any number of vehicles.

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::campaign::CampaignState;
use otaru_domain::clock;
use otaru_domain::id::CampaignId;
use otaru_domain::planner::StateCounts;
use otaru_http::Json;
use otaru_store::campaigns::Standing;
use otaru_store::progress;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::campaigns::{WaitingOn, WaveView, found};
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProgressQuery {
    /// Also count the assignments one by one, which takes long for a large campaign.
    #[serde(default)]
    recount: bool,
}

/// How far a campaign is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Progress {
    campaign: CampaignId,
    state: CampaignState,
    /// Vehicles, once it started.
    members: Option<u64>,
    /// Vehicles per state, of all waves; states without any are left out.
    counters: StateCounts,
    waves: Vec<WaveView>,
    waiting_on: WaitingOn,
    #[serde(skip_serializing_if = "Option::is_none")]
    recount: Option<Recount>,
}

/// The assignments, counted one by one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Recount {
    /// What `counters` must say.
    counters: StateCounts,
    waves: Vec<RecountedWave>,
    /// Acknowledgements in the history, each once.
    acks: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecountedWave {
    number: u32,
    counters: StateCounts,
}

/// Read a campaign's progress
#[utoipa::path(
    get,
    path = "/campaigns/{id}/progress", operation_id = "get_progress",
    tag = "campaigns",
    params(ProgressQuery, ("id" = i64, Path)),
    responses((status = 200, description = "As of one moment", body = Progress))
)]
pub(crate) async fn read(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
    Query(query): Query<ProgressQuery>,
) -> Result<Json<Progress>, ApiError> {
    let standing = found(&app.store, id).await?;
    let recount = if query.recount { Some(recount(&app, id).await?) } else { None };
    Ok(Json(Progress { recount, ..Progress::of(&standing, clock::now()) }))
}

impl Progress {
    /// From the counters alone.
    pub(crate) fn of(standing: &Standing, now: DateTime<Utc>) -> Self {
        Self {
            campaign: standing.campaign.id,
            state: standing.campaign.state,
            members: standing.campaign.members,
            counters: standing.counts(),
            waves: standing.waves.iter().map(|wave| WaveView::of(standing, wave, now)).collect(),
            waiting_on: WaitingOn::of(standing, now),
            recount: None,
        }
    }
}

async fn recount(app: &App, id: CampaignId) -> Result<Recount, ApiError> {
    let waves = progress::recount(&app.store, id).await?;
    let mut counters = StateCounts::new();
    for (state, vehicles) in waves.values().flatten() {
        *counters.entry(*state).or_default() += vehicles;
    }
    let waves = waves.into_iter().map(|(number, counters)| RecountedWave { number, counters });
    Ok(Recount { counters, waves: waves.collect(), acks: progress::acks(&app.store, id).await? })
}
