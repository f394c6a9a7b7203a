//! Looking at assignments: pages of a campaign's, all of a vehicle's with what was reported, and a recount to
//! hold the counters against. Progress itself comes from the counters, in `campaigns::standing`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, HardwareId, VehicleId, Vin};
use otaru_domain::planner::StateCounts;
use sqlx::FromRow;
use sqlx::types::Json;

use crate::campaigns::unsigned;
use crate::{Store, StoreError};

/// Which assignments of a campaign to look at.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub state: Option<AssignmentState>,
    pub wave: Option<i32>,
    /// Of the failure of the attempt they are in.
    pub error_code: Option<String>,
    /// In the state they are in from this time on.
    pub since: Option<DateTime<Utc>>,
    /// In the state they are in before this time.
    pub until: Option<DateTime<Utc>>,
}

/// Vehicles whose present state was reached in a span of time.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EndedRow {
    /// The beginning of the span.
    pub at: DateTime<Utc>,
    pub state: String,
    pub vehicles: i64,
}

/// An assignment, with its newest failure.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AssignmentRow {
    pub vehicle_id: VehicleId,
    pub vin: String,
    pub model_id: String,
    pub campaign_id: CampaignId,
    pub wave: i32,
    pub attempt: i32,
    pub state: String,
    pub progress_percent: Option<i16>,
    pub error_code: Option<String>,
    pub log: Option<String>,
    pub assigned_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A report that a vehicle, a gateway or the engine made.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AckRow {
    pub campaign_id: CampaignId,
    pub ack_id: uuid::Uuid,
    pub attempt: i32,
    pub sequence: i64,
    pub origin: String,
    pub state: String,
    pub progress_percent: Option<i16>,
    pub error_code: Option<String>,
    pub reported_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    /// What the vehicle said its ECUs run, by hardware id.
    pub versions: Option<Json<BTreeMap<HardwareId, String>>>,
}

/// Assignments with their vehicle, and the failure of the attempt they are in.
macro_rules! assignments {
    ($tail:literal) => {
        concat!(
            "SELECT a.vehicle_id, v.vin, v.model_id, a.campaign_id, a.wave, a.attempt, a.state, a.progress_percent, ",
            "f.error_code, f.log, a.assigned_at, a.updated_at ",
            "FROM assignments a JOIN vehicles v ON v.id = a.vehicle_id ",
            "LEFT JOIN assignment_failures f ON f.campaign_id = a.campaign_id AND f.vehicle_id = a.vehicle_id ",
            "AND f.attempt = a.attempt ",
            $tail
        )
    };
}

/// A campaign's assignments after the vehicle `after`, in the order of the vehicles' ids.
///
/// # Errors
/// [`StoreError`].
pub async fn assignments(
    store: &Store,
    campaign: CampaignId,
    filter: Filter,
    after: VehicleId,
    limit: i64,
) -> Result<Vec<AssignmentRow>, StoreError> {
    let rows = sqlx::query_as(assignments!(
        "WHERE a.campaign_id = $1 AND a.vehicle_id > $2 AND ($3::text IS NULL OR a.state = $3)
           AND ($4::integer IS NULL OR a.wave = $4) AND ($5::text IS NULL OR f.error_code = $5)
           AND ($6::timestamptz IS NULL OR a.updated_at >= $6) AND ($7::timestamptz IS NULL OR a.updated_at < $7)
         ORDER BY a.vehicle_id LIMIT $8"
    ));
    let rows = rows.bind(campaign).bind(after).bind(filter.state.map(AssignmentState::as_str));
    let rows = rows.bind(filter.wave).bind(filter.error_code).bind(filter.since).bind(filter.until);
    Ok(rows.bind(limit).fetch_all(store.pool()).await?)
}

/// How many of a campaign's vehicles came to an end when, in spans of `bucket_secs` from `origin` on: what a burn-up
/// is drawn from. A vehicle counts where it reached the state it is in now. It reads the campaign's assignments.
///
/// # Errors
/// [`StoreError`].
pub async fn ended(
    store: &Store,
    campaign: CampaignId,
    bucket_secs: u32,
    origin: DateTime<Utc>,
) -> Result<Vec<EndedRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT date_bin(make_interval(secs => $2), updated_at, $3) AS at, state, count(*) AS vehicles
           FROM assignments WHERE campaign_id = $1 AND state = ANY($4) GROUP BY 1, 2 ORDER BY 1, 2",
    );
    Ok(rows
        .bind(campaign)
        .bind(f64::from(bucket_secs))
        .bind(origin)
        .bind(AssignmentState::terminal_names())
        .fetch_all(store.pool())
        .await?)
}

/// The assignments of a vehicle, the newest campaign first.
///
/// # Errors
/// [`StoreError`].
pub async fn of_vehicle(store: &Store, vin: &Vin, limit: i64) -> Result<Vec<AssignmentRow>, StoreError> {
    let rows = sqlx::query_as(assignments!("WHERE v.vin = $1 ORDER BY a.campaign_id DESC LIMIT $2"));
    Ok(rows.bind(vin.as_str()).bind(limit).fetch_all(store.pool()).await?)
}

/// What was reported of a vehicle's assignments in `campaigns`, the newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn history(
    store: &Store,
    vehicle: VehicleId,
    campaigns: &[CampaignId],
    limit: i64,
) -> Result<Vec<AckRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT campaign_id, ack_id, attempt, sequence, origin, state, progress_percent, error_code, reported_at, received_at,
                versions
         FROM ack_history WHERE vehicle_id = $1 AND campaign_id = ANY($2)
         ORDER BY received_at DESC, sequence DESC, ack_id LIMIT $3",
    );
    Ok(rows.bind(vehicle).bind(campaigns).bind(limit).fetch_all(store.pool()).await?)
}

/// The vehicle's id, if there is one with this VIN.
///
/// # Errors
/// [`StoreError`].
pub async fn vehicle_id(store: &Store, vin: &Vin) -> Result<Option<VehicleId>, StoreError> {
    let id = sqlx::query_scalar("SELECT id FROM vehicles WHERE vin = $1");
    Ok(id.bind(vin.as_str()).fetch_optional(store.pool()).await?)
}

/// How many acknowledgements of a campaign are in the history. It reads all of them.
///
/// # Errors
/// [`StoreError`].
pub async fn acks(store: &Store, campaign: CampaignId) -> Result<u64, StoreError> {
    let acks: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM assignments a
           JOIN ack_history h ON h.vehicle_id = a.vehicle_id AND h.campaign_id = a.campaign_id
          WHERE a.campaign_id = $1",
    )
    .bind(campaign)
    .fetch_one(store.pool())
    .await?;
    unsigned("ack_history", acks)
}

/// Vehicles per wave and state, counted row by row: what the counters must say. It reads all of the
/// campaign's assignments.
///
/// # Errors
/// [`StoreError`].
pub async fn recount(store: &Store, campaign: CampaignId) -> Result<BTreeMap<u32, StateCounts>, StoreError> {
    let rows: Vec<(i32, String, i64)> =
        sqlx::query_as("SELECT wave, state, count(*) FROM assignments WHERE campaign_id = $1 GROUP BY wave, state")
            .bind(campaign)
            .fetch_all(store.pool())
            .await?;
    let mut waves: BTreeMap<u32, StateCounts> = BTreeMap::new();
    for (wave, state, vehicles) in rows {
        let number = u32::try_from(wave).map_err(|error| StoreError::inconsistent("assignments", error))?;
        let state: AssignmentState = state.parse().map_err(|error| StoreError::inconsistent("assignments", error))?;
        waves.entry(number).or_default().insert(state, unsigned("assignments", vehicles)?);
    }
    Ok(waves)
}
