//! `POST /campaigns/preview`: what a campaign would begin with, before there is one.

use axum::extract::State;
use otaru_domain::clock;
use otaru_domain::exclusion::Exclusion;
use otaru_domain::id::{CampaignId, ReleaseId};
use otaru_domain::rollout::{Membership, Policy, Ramp, WavePlan, check_plan};
use otaru_http::{Json, Problem};
use otaru_store::campaigns::Needs;
use otaru_store::waves::{Excluded, Prospect};
use otaru_store::{campaigns, waves};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{plan, plan_problem, target};
use crate::app::App;
use crate::auth::Actor;
use crate::engine;
use crate::error::ApiError;

/// Vehicles named per wave.
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
    #[serde(default)]
    ramp: Option<Ramp>,
    /// A continuous campaign's waves are shares of all vehicles that may ever join, so what they have now is uneven.
    #[serde(default)]
    membership: Membership,
    /// The precondition there would be: vehicles that cannot evaluate it are left out.
    #[serde(default)]
    #[schema(max_length = 4096)]
    precondition: Option<String>,
    /// Whether these would have it all the same, as the policy's `precondition_waiver` says.
    #[serde(default)]
    precondition_waived: bool,
    /// Whether the driver would be asked, as the policy's `consent` says: vehicles whose client cannot are left out.
    #[serde(default)]
    asks_driver: bool,
    /// The salt of an earlier preview, to see the same order again; drawn without it.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{32}$")]
    salt: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Preview {
    /// Vehicles that would be in it now.
    matching: u64,
    /// Those that the target selects and that would be left out, by the first reason that applies to each.
    excluded: Vec<PreviewExcluded>,
    /// Vehicles with an update of one of the same ECUs before them, by its campaign: they are in it and wait.
    behind: Vec<PreviewBehind>,
    /// Draws the order of the vehicles: give it when the campaign is created, and they are in these waves.
    salt: String,
    waves: Vec<PreviewWave>,
}

/// Vehicles that would be left out for the same reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewExcluded {
    #[serde(flatten)]
    exclusion: Exclusion,
    /// The same for people.
    text: String,
    vehicles: u64,
    /// Up to 5 of them.
    sample: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewBehind {
    campaign: CampaignId,
    vehicles: u64,
}

impl From<Excluded> for PreviewExcluded {
    fn from(excluded: Excluded) -> Self {
        let Excluded { exclusion, vehicles, sample } = excluded;
        Self { text: exclusion.to_string(), exclusion, vehicles, sample }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewWave {
    number: u32,
    size: u64,
    /// Up to 20 of its vehicles, those that go first.
    sample: Vec<String>,
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
    _: Actor,
    Json(request): Json<PreviewRequest>,
) -> Result<Json<Preview>, ApiError> {
    let target = target(&request.target)?;
    let plan = match (request.waves, request.ramp) {
        (None, None) => vec![WavePlan::default()],
        (waves, ramp) => plan::waves(waves, ramp.as_ref())?,
    };
    plan::precondition(request.precondition.as_deref())?;
    let salt = plan::salt(request.salt)?;
    let now = clock::now();
    // Without a deadline nothing is known of soaks that are too long.
    let deadline = now + chrono::TimeDelta::days(36_500);
    let policy = Policy { membership: request.membership, ..Policy::default() };
    check_plan(&plan, &policy, None, deadline, now).map_err(|error| plan_problem(&error))?;
    let mut tx = app.store.begin().await?;
    if campaigns::release(&mut tx, request.release).await?.is_none() {
        return Err(Problem::invalid("/release", format!("there is no release {}", request.release)).into());
    }
    engine::groups::require(&mut tx, &request.target, &plan).await?;
    drop(tx);
    let prospect = Prospect {
        release: request.release,
        salt: &salt,
        target: &target,
        plan: &plan,
        membership: request.membership,
        needs: Needs {
            signals: request.precondition.is_some() && !request.precondition_waived,
            driver: request.asks_driver,
        },
    };
    let preview = waves::preview(&app.store, prospect, SAMPLE, now).await?;
    let waves =
        (1..).zip(preview.waves).map(|(number, wave)| PreviewWave { number, size: wave.size, sample: wave.sample });
    Ok(Json(Preview {
        matching: preview.matching,
        excluded: preview.excluded.into_iter().map(PreviewExcluded::from).collect(),
        behind: preview.behind.into_iter().map(|(campaign, vehicles)| PreviewBehind { campaign, vehicles }).collect(),
        salt,
        waves: waves.collect(),
    }))
}
