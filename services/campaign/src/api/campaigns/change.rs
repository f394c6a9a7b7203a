//! `PATCH /campaigns/{id}`

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::CampaignId;
use otaru_domain::rollout::{Policy, Ramp, WavePlan};
use otaru_http::{Json, Problem};
use otaru_store::campaigns::{Campaign, Settings};
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::CampaignView;
use super::{found, plan};
use crate::api::vehicles::said;
use crate::app::App;
use crate::auth::Actor;
use crate::engine;
use crate::error::ApiError;
use crate::extract::PathPart;

/// What to change of a campaign (as in RFC 7396): what is missing stays, and `null` removes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignChange {
    #[schema(max_length = 200)]
    name: Option<String>,
    /// CEL: which vehicles it is for.
    #[schema(max_length = 4096)]
    target: Option<String>,
    /// CEL over the vehicle's signals.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 4096)]
    precondition: Option<Option<String>>,
    /// All waves it is to have; instead of them, `ramp`.
    waves: Option<Vec<WavePlan>>,
    ramp: Option<Ramp>,
    /// All of its policy.
    policy: Option<Policy>,
    #[schema(minimum = -1000, maximum = 1000)]
    priority: Option<i32>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    start_at: Option<Option<DateTime<Utc>>>,
    deadline: Option<DateTime<Utc>>,
}

impl CampaignChange {
    /// The campaign as it shall be, checked as a new one is.
    fn apply(self, campaign: &Campaign, waves: Vec<WavePlan>, now: DateTime<Utc>) -> Result<Settings, Problem> {
        let waves = match (self.waves, self.ramp) {
            (None, None) => waves,
            (waves, ramp) => plan::waves(waves, ramp.as_ref())?,
        };
        let settings = Settings {
            name: self.name.unwrap_or_else(|| campaign.name.clone()),
            target: self.target.unwrap_or_else(|| campaign.target.clone()),
            precondition: self.precondition.unwrap_or_else(|| campaign.precondition.clone()),
            policy: self.policy.unwrap_or_else(|| campaign.policy.clone()),
            priority: self.priority.unwrap_or(campaign.priority),
            start_at: self.start_at.unwrap_or(campaign.start_at),
            deadline: self.deadline.unwrap_or(campaign.deadline),
            waves,
        };
        plan::check(&settings, now)?;
        Ok(settings)
    }
}

/// Change a campaign
///
/// A draft, or one in review: that is a draft again then, and an approval it had counts no more.
#[utoipa::path(patch, path = "/campaigns/{id}", operation_id = "change_campaign", tag = "campaigns",
    params(("id" = i64, Path)), request_body = CampaignChange,
    responses((status = 200, description = "A draft", body = CampaignView)))]
pub(crate) async fn change(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<CampaignId>,
    Json(change): Json<CampaignChange>,
) -> Result<Json<CampaignView>, ApiError> {
    let now = clock::now();
    let apply = |campaign: &Campaign, waves: Vec<WavePlan>| {
        let settings = change.apply(campaign, waves, now)?;
        plan::permit(&actor, &settings)?;
        Ok::<_, ApiError>(settings)
    };
    engine::review::revise(&app, &actor.name, id, apply, now).await?;
    Ok(Json(CampaignView::of(&found(&app.store, id).await?, now)))
}
