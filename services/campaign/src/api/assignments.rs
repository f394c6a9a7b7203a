//! Assignments: of a campaign in pages, and of a vehicle with everything that was reported.

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, HardwareId, VehicleId, Vin};
use otaru_http::{Json, Problem};
use otaru_store::progress::{self, AckRow, AssignmentRow, Filter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::campaigns::found;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

/// Campaigns in the answer about a vehicle, and reports in it.
const VEHICLE_CAMPAIGNS: i64 = 100;
const VEHICLE_REPORTS: i64 = 1000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(of_campaign)).routes(routes!(of_vehicle))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AssignmentFilter {
    /// Only assignments in this state.
    state: Option<AssignmentState>,
    /// Only assignments of this wave.
    #[param(minimum = 1)]
    wave: Option<i32>,
    /// Only assignments whose newest failure has this code.
    #[param(max_length = 64)]
    error_code: Option<String>,
    /// Only assignments that came to the state they are in at this time or later.
    since: Option<DateTime<Utc>>,
    /// Only assignments that came to the state they are in before this time.
    until: Option<DateTime<Utc>>,
}

/// One vehicle in one campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Assignment {
    campaign: CampaignId,
    vin: String,
    model: String,
    wave: i32,
    /// 1 for the first.
    attempt: i32,
    #[schema(value_type = AssignmentState)]
    state: String,
    /// How far the step is, 0 to 100.
    progress_percent: Option<i16>,
    /// Of the attempt's newest failure.
    error_code: Option<String>,
    /// What the vehicle wrote about that failure.
    log: Option<String>,
    assigned_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A page of assignments.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssignmentPage {
    items: Vec<Assignment>,
    next_cursor: Option<String>,
}

/// A report of a step.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Report {
    id: Uuid,
    attempt: i32,
    /// Of the vehicle within the attempt; 0 from a gateway and the engine.
    sequence: i64,
    /// vehicle, gateway or engine.
    origin: String,
    #[schema(value_type = AssignmentState)]
    state: String,
    progress_percent: Option<i16>,
    error_code: Option<String>,
    /// What the vehicle said with an end that its ECUs run, by hardware id.
    #[schema(value_type = BTreeMap<String, String>, example = json!({"BCM": "1.4.2"}))]
    versions: BTreeMap<HardwareId, String>,
    /// By the vehicle's clock.
    reported_at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
}

/// A vehicle's assignment, with what was reported of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VehicleAssignment {
    #[serde(flatten)]
    assignment: Assignment,
    /// Newest first; of all assignments together at most 1000.
    history: Vec<Report>,
}

/// A vehicle's assignments.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VehicleAssignmentPage {
    items: Vec<VehicleAssignment>,
    /// Always null: the newest 100 campaigns.
    next_cursor: Option<String>,
}

impl From<AssignmentRow> for Assignment {
    fn from(row: AssignmentRow) -> Self {
        Self {
            campaign: row.campaign_id,
            vin: row.vin,
            model: row.model_id,
            wave: row.wave,
            attempt: row.attempt,
            state: row.state,
            progress_percent: row.progress_percent,
            error_code: row.error_code,
            log: row.log,
            assigned_at: row.assigned_at,
            updated_at: row.updated_at,
        }
    }
}

impl From<AckRow> for Report {
    fn from(row: AckRow) -> Self {
        Self {
            id: row.ack_id,
            attempt: row.attempt,
            sequence: row.sequence,
            origin: row.origin,
            state: row.state,
            progress_percent: row.progress_percent,
            error_code: row.error_code,
            versions: row.versions.map(|versions| versions.0).unwrap_or_default(),
            reported_at: row.reported_at,
            received_at: row.received_at,
        }
    }
}

/// List a campaign's assignments
#[utoipa::path(
    get,
    path = "/campaigns/{id}/assignments", operation_id = "list_assignments",
    tag = "campaigns",
    params(PageQuery, AssignmentFilter, ("id" = i64, Path)),
    responses((status = 200, description = "In the order in which the vehicles were created", body = AssignmentPage))
)]
pub(crate) async fn of_campaign(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
    Query(page): Query<PageQuery>,
    Query(filter): Query<AssignmentFilter>,
) -> Result<Json<AssignmentPage>, ApiError> {
    found(&app.store, id).await?;
    let window = page.window::<VehicleId>()?;
    let AssignmentFilter { state, wave, error_code, since, until } = filter;
    let filter = Filter { state, wave, error_code, since, until };
    let rows = progress::assignments(&app.store, id, filter, window.after.unwrap_or(0), window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |row| row.vehicle_id);
    Ok(Json(AssignmentPage { items: rows.into_iter().map(Assignment::from).collect(), next_cursor }))
}

/// List a vehicle's assignments
#[utoipa::path(
    get,
    path = "/vehicles/{vin}/assignments", operation_id = "list_vehicle_assignments",
    tag = "vehicles",
    params(("vin" = Vin, Path)),
    responses((status = 200, description = "The newest campaign first", body = VehicleAssignmentPage))
)]
pub(crate) async fn of_vehicle(
    State(app): State<App>,
    _: Actor,
    PathPart(vin): PathPart<Vin>,
) -> Result<Json<VehicleAssignmentPage>, ApiError> {
    let vehicle = progress::vehicle_id(&app.store, &vin)
        .await?
        .ok_or_else(|| Problem::not_found(format!("there is no vehicle {vin}")))?;
    let rows = progress::of_vehicle(&app.store, &vin, VEHICLE_CAMPAIGNS).await?;
    let campaigns: Vec<CampaignId> = rows.iter().map(|row| row.campaign_id).collect();
    let mut reports = progress::history(&app.store, vehicle, &campaigns, VEHICLE_REPORTS).await?;
    let items = rows.into_iter().map(|row| {
        let (history, others) =
            std::mem::take(&mut reports).into_iter().partition(|report| report.campaign_id == row.campaign_id);
        reports = others;
        let history: Vec<AckRow> = history;
        VehicleAssignment {
            assignment: Assignment::from(row),
            history: history.into_iter().map(Report::from).collect(),
        }
    });
    Ok(Json(VehicleAssignmentPage { items: items.collect(), next_cursor: None }))
}
