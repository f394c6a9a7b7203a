//! `POST /campaigns`. Everything that can be wrong with a campaign is found here, not when it starts.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::event::EventKind;
use otaru_domain::id::ReleaseId;
use otaru_domain::release::ReleaseState;
use otaru_domain::rollout::{Policy, Ramp, WavePlan};
use otaru_http::{Json, Problem};
use otaru_store::campaigns::{self, NewCampaign, Settings};
use otaru_store::{StoreError, Tx, events};
use serde::Deserialize;
use utoipa::ToSchema;

use super::found;
use super::plan;
use super::view::CampaignView;
use crate::app::App;
use crate::auth::Actor;
use crate::engine;
use crate::error::ApiError;

/// A campaign to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignRequest {
    /// For people; 1 to 200 bytes.
    #[schema(max_length = 200, example = "Body control 2.3 for the beta fleet")]
    name: String,
    /// A locked release.
    release: ReleaseId,
    /// CEL: which vehicles of the release's models it is for.
    #[schema(max_length = 4096, example = "model_year >= 2025 && \"beta\" in tags")]
    target: String,
    /// CEL over the vehicle's signals: it installs only while this holds.
    #[serde(default)]
    #[schema(max_length = 4096, example = "battery.soc >= 40 && gear == \"P\"")]
    precondition: Option<String>,
    /// 1 to 100 waves; instead of them, `ramp`.
    #[serde(default)]
    waves: Option<Vec<WavePlan>>,
    #[serde(default)]
    ramp: Option<Ramp>,
    /// Halts, pace, timeouts and retries; none without it.
    #[serde(default)]
    policy: Policy,
    /// Of several campaigns for a vehicle, the highest goes first, then the oldest; 0 without it.
    #[serde(default)]
    #[schema(minimum = -1000, maximum = 1000)]
    priority: i32,
    /// The salt of a preview, so that its vehicles are in the waves that it named; drawn without it.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{32}$")]
    salt: Option<String>,
    /// Not before this time.
    #[serde(default)]
    start_at: Option<DateTime<Utc>>,
    /// What is left then times out.
    deadline: DateTime<Utc>,
}

impl CampaignRequest {
    fn checked(self, now: DateTime<Utc>) -> Result<NewCampaign, Problem> {
        let settings = Settings {
            name: self.name,
            target: self.target,
            precondition: self.precondition,
            policy: self.policy,
            priority: self.priority,
            start_at: self.start_at,
            deadline: self.deadline,
            waves: plan::waves(self.waves, self.ramp.as_ref())?,
        };
        plan::check(&settings, now)?;
        Ok(NewCampaign { release: self.release, salt: plan::salt(self.salt)?, settings })
    }
}

/// Create a campaign
///
/// It is a draft, and nothing happens before it is started.
#[utoipa::path(
    post,
    path = "/campaigns", operation_id = "create_campaign",
    tag = "campaigns",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat")),
    request_body = CampaignRequest,
    responses((status = 201, description = "Created", body = CampaignView))
)]
pub(crate) async fn create(
    State(app): State<App>,
    actor: Actor,
    Json(request): Json<CampaignRequest>,
) -> Result<impl IntoResponse, ApiError> {
    let now = clock::now();
    let new = request.checked(now)?;
    plan::permit(&actor, &new.settings)?;
    let mut tx = app.store.begin().await?;
    require_locked(&mut tx, &actor, new.release).await?;
    engine::groups::require(&mut tx, &new.settings.target, &new.settings.waves).await?;
    engine::groups::require_vehicles(&mut tx, new.release, &new.settings).await?;
    let id = campaigns::create(&mut tx, &new, &actor.name, now).await?;
    events::record(&mut tx, &actor.name, EventKind::CampaignCreated { campaign: id }, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let view = CampaignView::of(&found(&app.store, id).await?, now);
    let location = format!("/api/v1/campaigns/{}", view.id());
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view)))
}

async fn require_locked(tx: &mut Tx, actor: &Actor, id: ReleaseId) -> Result<(), ApiError> {
    actor.require_models(&campaigns::models(tx, id).await?)?;
    let refused = |detail: String| Err(Problem::invalid("/release", detail).into());
    match campaigns::release(tx, id).await?.map(|release| release.state) {
        Some(ReleaseState::Locked) => Ok(()),
        Some(ReleaseState::Draft) => refused(format!("release {id} is a draft: lock it first")),
        Some(ReleaseState::Retired) => refused(format!("release {id} is retired")),
        None => refused(format!("there is no release {id}")),
    }
}
