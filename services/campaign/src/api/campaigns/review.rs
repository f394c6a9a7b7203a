//! `GET /campaigns/{id}/review`, `POST /campaigns/{id}/submit`, `approve` and `reject`.

use axum::extract::State;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use otaru_domain::campaign::CampaignState;
use otaru_domain::clock;
use otaru_domain::id::{CampaignId, Sha256};
use otaru_domain::review::{Review, Verdict};
use otaru_http::Json;
use otaru_store::campaigns::Campaign;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::commands::{CommandRequest, MAX_REASON_BYTES};
use super::found;
use super::view::CampaignView;
use crate::app::App;
use crate::auth::Actor;
use crate::check;
use crate::engine;
use crate::error::ApiError;
use crate::extract::PathPart;

const MAX_STEPS: i64 = 100;

/// A step of a review.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewStep {
    pub verdict: Verdict,
    /// Of the content that it is about.
    pub digest: String,
    pub by: String,
    pub at: DateTime<Utc>,
    pub reason: Option<String>,
}

/// How a campaign's review stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CampaignReview {
    pub campaign: CampaignId,
    pub state: CampaignState,
    /// Whether it may start only with an approval.
    pub required: bool,
    /// Whether its review lets it start.
    pub may_start: bool,
    /// If not, why.
    pub waits_for: Option<String>,
    /// SHA-256 of the content: what an approval names.
    pub digest: String,
    /// All that is reviewed: settings, waves, release and images with their hashes.
    #[schema(value_type = Object)]
    pub content: serde_json::Value,
    /// Who may not approve it: its author, and who last changed it.
    pub authors: Vec<String>,
    /// Newest first, at most 100.
    pub steps: Vec<ReviewStep>,
}

/// What is approved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalRequest {
    /// The `digest` of the review that was read: another content by now is not approved.
    digest: Sha256,
    #[serde(default)]
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// Why it is rejected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RejectionRequest {
    /// What its author should change; 1 to 1000 bytes.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

impl From<Review> for ReviewStep {
    fn from(review: Review) -> Self {
        Self { verdict: review.verdict, digest: review.digest, by: review.by, at: review.at, reason: review.reason }
    }
}

/// Read a campaign's review
#[utoipa::path(get, path = "/campaigns/{id}/review", operation_id = "get_campaign_review", tag = "campaigns",
    params(("id" = i64, Path)), responses((status = 200, description = "What is reviewed, and how far it is", body = CampaignReview)))]
pub(crate) async fn get(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<Json<CampaignReview>, ApiError> {
    Ok(Json(review_of(&app, &found(&app.store, id).await?.campaign).await?))
}

/// The review of a campaign.
pub(crate) async fn review_of(app: &App, campaign: &Campaign) -> Result<CampaignReview, ApiError> {
    let review = engine::review::standing(app, campaign.id, campaign.release, MAX_STEPS).await?;
    let mut authors = vec![review.author];
    authors.extend(review.changed_by.filter(|changed_by| *changed_by != authors[0]));
    Ok(CampaignReview {
        campaign: campaign.id,
        state: campaign.state,
        required: review.required,
        may_start: review.refused.is_none(),
        waits_for: review.refused.map(|refused| refused.to_string()),
        digest: review.digest,
        content: review.content,
        authors,
        steps: review.steps.into_iter().map(ReviewStep::from).collect(),
    })
}

/// Submit a campaign for review
///
/// A draft that is in review starts only once another person has approved it.
#[utoipa::path(post, path = "/campaigns/{id}/submit", operation_id = "submit_campaign", tag = "campaigns",
    params(("id" = i64, Path)), request_body(content = Option<CommandRequest>),
    responses((status = 200, description = "In review", body = CampaignView)))]
pub(crate) async fn submit(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<CampaignId>,
    body: Bytes,
) -> Result<Json<CampaignView>, ApiError> {
    let request = if body.is_empty() { CommandRequest::default() } else { Json::parse(&body)?.0 };
    check_reason(request.reason.as_deref())?;
    let now = clock::now();
    engine::review::submit(&app, &actor.name, id, request.reason.as_deref(), now).await?;
    Ok(Json(CampaignView::of(&found(&app.store, id).await?, now)))
}

/// Approve a campaign
///
/// For approvers who neither wrote nor last changed it. Any later change voids the approval.
#[utoipa::path(post, path = "/campaigns/{id}/approve", operation_id = "approve_campaign", tag = "campaigns",
    params(("id" = i64, Path)), request_body = ApprovalRequest,
    responses((status = 200, description = "Approved: it may be started", body = CampaignView)))]
pub(crate) async fn approve(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<CampaignId>,
    Json(request): Json<ApprovalRequest>,
) -> Result<Json<CampaignView>, ApiError> {
    check_reason(request.reason.as_deref())?;
    let now = clock::now();
    let digest = request.digest.as_str();
    engine::review::approve(&app, &actor.name, id, digest, request.reason.as_deref(), now).await?;
    Ok(Json(CampaignView::of(&found(&app.store, id).await?, now)))
}

/// Reject a campaign
///
/// It is a draft again, with the reason for its author.
#[utoipa::path(post, path = "/campaigns/{id}/reject", operation_id = "reject_campaign", tag = "campaigns",
    params(("id" = i64, Path)), request_body = RejectionRequest,
    responses((status = 200, description = "A draft again", body = CampaignView)))]
pub(crate) async fn reject(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<CampaignId>,
    Json(request): Json<RejectionRequest>,
) -> Result<Json<CampaignView>, ApiError> {
    check::name("/reason", &request.reason, MAX_REASON_BYTES)?;
    let now = clock::now();
    engine::review::reject(&app, &actor.name, id, &request.reason, now).await?;
    Ok(Json(CampaignView::of(&found(&app.store, id).await?, now)))
}

fn check_reason(reason: Option<&str>) -> Result<(), ApiError> {
    reason.map_or(Ok(()), |reason| Ok(check::plain("/reason", reason, MAX_REASON_BYTES)?))
}
