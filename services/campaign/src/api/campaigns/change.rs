//! `PATCH /campaigns/{id}`

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::campaign::{WavePlan, check_plan};
use otaru_domain::clock;
use otaru_domain::id::CampaignId;
use otaru_domain::precondition::Precondition;
use otaru_http::{Json, Problem};
use otaru_store::campaigns::Campaign;
use otaru_store::reviews::Revision;
use serde::Deserialize;
use utoipa::ToSchema;

use super::create::MAX_NAME_BYTES;
use super::view::CampaignView;
use super::{found, plan_problem, target};
use crate::api::vehicles::said;
use crate::app::App;
use crate::auth::{Actor, Role};
use crate::check;
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
    /// All waves it is to have.
    waves: Option<Vec<WavePlan>>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    start_at: Option<Option<DateTime<Utc>>>,
    deadline: Option<DateTime<Utc>>,
}

impl CampaignChange {
    /// The campaign as it shall be, checked as a new one is.
    fn apply(self, campaign: &Campaign, plan: &[WavePlan], now: DateTime<Utc>) -> Result<Revision, ApiError> {
        let revision = Revision {
            name: self.name.unwrap_or_else(|| campaign.name.clone()),
            target: self.target.unwrap_or_else(|| campaign.target.clone()),
            precondition: self.precondition.unwrap_or_else(|| campaign.precondition.clone()),
            start_at: self.start_at.unwrap_or(campaign.start_at),
            deadline: self.deadline.unwrap_or(campaign.deadline),
            waves: self.waves,
        };
        check::name("/name", &revision.name, MAX_NAME_BYTES)?;
        target(&revision.target)?;
        if let Some(source) = &revision.precondition {
            Precondition::parse(source)
                .map_err(|error| Problem::invalid("/precondition", error.message).position(error.position))?;
        }
        let waves = revision.waves.as_deref().unwrap_or(plan);
        check_plan(waves, revision.start_at, revision.deadline, now).map_err(|error| plan_problem(&error))?;
        Ok(revision)
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
    actor.require(Role::Engineer)?;
    let now = clock::now();
    let apply = |campaign: &Campaign, plan: &[WavePlan]| change.apply(campaign, plan, now);
    engine::review::revise(&app, &actor.name, id, apply, now).await?;
    Ok(Json(CampaignView::of(&found(&app.store, id).await?, now)))
}
