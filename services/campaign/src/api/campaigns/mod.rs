//! Campaigns: a release for the vehicles that an expression selects, in waves.

mod burn_up;
mod change;
mod commands;
mod create;
mod drops;
mod excluded;
mod failures;
mod forecast;
mod plan;
mod prepared;
mod preview;
mod read;
mod rehearse;
mod retry;
mod review;
mod steps;
mod triage;
mod undo;
mod view;
mod why;

use otaru_domain::review::ReviewError;
use otaru_domain::rollout::{PlanError, WavePlan};
use otaru_domain::target::{Target, TargetError};
use otaru_http::{Problem, chain};
use otaru_store::Store;
use otaru_store::campaigns::{self, Standing};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::engine::CampaignError;
use crate::error::ApiError;

pub(crate) use review::{CampaignReview, review_of};
pub(crate) use view::{CampaignView, WaitingOn, WaveView};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read::list, create::create))
        .routes(routes!(preview::preview))
        .routes(routes!(read::get, change::change))
        .routes(routes!(read::waves))
        .routes(routes!(read::events))
        .routes(routes!(failures::failures))
        .routes(routes!(drops::drops))
        .routes(routes!(triage::triage))
        .routes(routes!(burn_up::burn_up))
        .routes(routes!(review::get))
        .routes(routes!(review::submit))
        .routes(routes!(review::approve))
        .routes(routes!(review::reject))
        .routes(routes!(commands::start))
        .routes(routes!(commands::pause))
        .routes(routes!(commands::resume))
        .routes(routes!(commands::cancel))
        .routes(routes!(commands::approve_wave))
        .routes(routes!(retry::retry))
        .routes(routes!(why::why_not_now))
        .routes(routes!(excluded::list))
        .routes(routes!(undo::get, undo::prepare))
        .routes(routes!(steps::get, steps::prepare))
        .routes(routes!(rehearse::rehearse))
        .routes(routes!(forecast::forecast))
        .routes(routes!(forecast::forecasts))
}

/// The campaign as it stands, or 404.
pub(crate) async fn found(store: &Store, id: i64) -> Result<Standing, ApiError> {
    campaigns::standing(store, id).await?.ok_or_else(|| CampaignError::NotFound(id).into())
}

/// The target, or 422 with its place.
fn target(source: &str) -> Result<Target, Problem> {
    Target::parse(source)
        .map_err(|TargetError { message, position }| Problem::invalid("/target", message).position(position))
}

/// The problem with a rollout plan, at its field.
fn plan_problem(error: &PlanError) -> Problem {
    Problem::invalid(error.pointer.clone(), error.to_string())
}

/// The expressions of listed waves, or 422 with the place.
fn wave_expressions(waves: &[WavePlan]) -> Result<(), Problem> {
    for (index, wave) in waves.iter().enumerate() {
        if let Some(source) = &wave.expression {
            let pointer = format!("/waves/{index}/expression");
            Target::parse(source)
                .map_err(|TargetError { message, position }| Problem::invalid(pointer, message).position(position))?;
        }
    }
    Ok(())
}

impl From<CampaignError> for ApiError {
    fn from(error: CampaignError) -> Self {
        let detail = chain(&error);
        match error {
            CampaignError::Store(error) => error.into(),
            CampaignError::Manifest(error) => error.into(),
            CampaignError::NotFound(_) => Problem::not_found(detail).into(),
            CampaignError::Transition(_) => Problem::conflict("campaign-state", detail).into(),
            CampaignError::Stopped => Problem::conflict("emergency-stop", detail).into(),
            CampaignError::NotUnderWay(_) => Problem::conflict("campaign-state", detail).into(),
            CampaignError::NotApprovable { .. } => Problem::conflict("wave-state", detail).into(),
            CampaignError::NoRelease(_) => Problem::not_found(detail).into(),
            CampaignError::Closing => Problem::conflict("campaign-closing", detail).into(),
            CampaignError::NoVehicles(_) => Problem::conflict("no-vehicles", detail).into(),
            CampaignError::DeadlinePast => Problem::conflict("deadline-past", detail).into(),
            CampaignError::ReleaseNotLocked(_) => Problem::conflict("release-not-locked", detail).into(),
            CampaignError::ReleaseNotEncrypted(..) => Problem::conflict("release-not-encrypted", detail).into(),
            CampaignError::ReleasePlain(..) => Problem::conflict("release-plain", detail).into(),
            CampaignError::ReleaseNotSigned(..) => Problem::conflict("release-not-signed", detail).into(),
            CampaignError::TypeApprovalPending(_) => Problem::conflict("type-approval-pending", detail).into(),
            CampaignError::NotADraft(_) => Problem::conflict("campaign-state", detail).into(),
            CampaignError::Review(error) => refused(&error, detail).into(),
            CampaignError::NoGroup { pointer, .. } | CampaignError::SelectsNobody { pointer, .. } => {
                Problem::invalid(pointer, detail).into()
            }
            CampaignError::Target(error) => Problem::conflict("target", detail).position(error.position).into(),
        }
    }
}

fn refused(error: &ReviewError, detail: String) -> Problem {
    match error {
        ReviewError::Needed | ReviewError::Pending => Problem::conflict("review-needed", detail),
        ReviewError::Void => Problem::conflict("approval-void", detail),
        ReviewError::OwnWork(_) => Problem::forbidden(detail),
        ReviewError::Changed(_) => Problem::conflict("content-changed", detail).pointer("/digest"),
    }
}
