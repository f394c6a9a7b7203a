//! `GET /campaigns/{id}/burn-up`: how many vehicles came to an end when, in few enough steps to be drawn.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::clock;
use otaru_domain::id::CampaignId;
use otaru_domain::planner::StateCounts;
use otaru_http::Json;
use otaru_store::{StoreError, progress};
use serde::Serialize;
use utoipa::ToSchema;

use super::found;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;

/// More points than this no screen shows.
const MAX_POINTS: i64 = 240;
/// Steps that people can read off an axis, in seconds; beyond the last, whole days.
const STEPS: [u32; 15] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400];

/// How a campaign's vehicles came to their ends.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BurnUp {
    /// When it started; null before.
    from: Option<DateTime<Utc>>,
    /// When it ended, or now.
    to: DateTime<Utc>,
    /// The span that each point stands for.
    bucket_secs: u32,
    /// In the order of time; spans in which nothing ended are left out.
    points: Vec<BurnUpPoint>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BurnUpPoint {
    /// The beginning of the span.
    at: DateTime<Utc>,
    /// Vehicles that reached, in this span, the end they are at now.
    counters: StateCounts,
}

/// Read a campaign's burn-up
#[utoipa::path(
    get,
    path = "/campaigns/{id}/burn-up", operation_id = "get_burn_up",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 200, description = "At most some 240 points", body = BurnUp))
)]
pub(crate) async fn burn_up(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<Json<BurnUp>, ApiError> {
    let campaign = found(&app.store, id).await?.campaign;
    let to = campaign.ended_at.unwrap_or_else(clock::now);
    let Some(from) = campaign.started_at else {
        return Ok(Json(BurnUp { from: None, to, bucket_secs: STEPS[0], points: Vec::new() }));
    };
    let bucket_secs = bucket(to - from);
    let mut points: Vec<BurnUpPoint> = Vec::new();
    for row in progress::ended(&app.store, id, bucket_secs, from).await? {
        let state: AssignmentState =
            row.state.parse().map_err(|error| StoreError::inconsistent("assignments", error))?;
        if points.last().is_none_or(|last| last.at != row.at) {
            points.push(BurnUpPoint { at: row.at, counters: StateCounts::new() });
        }
        if let Some(point) = points.last_mut() {
            point.counters.insert(state, row.vehicles.unsigned_abs());
        }
    }
    Ok(Json(BurnUp { from: Some(from), to, bucket_secs, points }))
}

/// The shortest step of which few enough make up `span`.
fn bucket(span: TimeDelta) -> u32 {
    let least = span.num_seconds().max(0) / MAX_POINTS + 1;
    let step = STEPS.into_iter().find(|step| i64::from(*step) >= least);
    step.unwrap_or_else(|| u32::try_from((least + 86_399) / 86_400 * 86_400).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_cut_into_few_steps_that_people_can_read() {
        assert_eq!(bucket(TimeDelta::seconds(-5)), 1);
        assert_eq!(bucket(TimeDelta::seconds(239)), 1);
        assert_eq!(bucket(TimeDelta::seconds(240)), 2);
        assert_eq!(bucket(TimeDelta::hours(1)), 30);
        assert_eq!(bucket(TimeDelta::days(1)), 600);
        assert_eq!(bucket(TimeDelta::days(900)), 345_600);
        for hours in 0..2_000 {
            let span = TimeDelta::hours(hours);
            assert!(span.num_seconds() / i64::from(bucket(span)) <= MAX_POINTS);
        }
    }
}
