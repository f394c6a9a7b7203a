//! What became of a campaign's vehicles, for an auditor: the configuration and RXSWIN of each before and after.
//! "Before" is what was known when it was assigned; "after" what is known now, or when it was assigned to the
//! next campaign.

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, ReleaseId, VehicleId};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::{Store, StoreError};

/// What an ECU ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcuState {
    pub hardware_id: String,
    pub version: String,
    pub serial: Option<String>,
}

/// A vehicle in a campaign.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct VehicleResult {
    pub vehicle_id: VehicleId,
    pub vin: String,
    pub model_id: String,
    pub campaign_id: CampaignId,
    pub campaign_name: String,
    pub release_id: ReleaseId,
    pub wave: i32,
    pub attempt: i32,
    pub state: String,
    pub assigned_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub error_code: Option<String>,
    pub rxswin_before: Option<String>,
    pub rxswin_after: Option<String>,
    /// Of the release.
    pub rxswin_expected: Option<String>,
    pub before: Json<Vec<EcuState>>,
    pub after: Json<Vec<EcuState>>,
    /// Whether the vehicle is of a model of the release and each image had an ECU to go to; none when nothing
    /// was known of its ECUs.
    pub compatible: Option<bool>,
}

/// Joins what the vehicle of the assignment `a` ran at a time, as `$name.ecus`.
macro_rules! ecus_as_of {
    ($at:literal, $name:literal) => {
        concat!(
            "CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('hardware_id', e.hardware_id, 'version', e.version, ",
            "'serial', e.serial) ORDER BY e.hardware_id), '[]') AS ecus FROM (SELECT DISTINCT ON (hardware_id) hardware_id, ",
            "version, serial FROM vehicle_ecu_history WHERE vehicle_id = a.vehicle_id AND valid_from <= ",
            $at,
            " ORDER BY hardware_id, valid_from DESC) e WHERE e.version IS NOT NULL) ",
            $name,
            " "
        )
    };
}

/// `SELECT` of results; the tail chooses among the assignments `a`.
macro_rules! results {
    ($tail:literal) => {
        concat!(
            "SELECT a.vehicle_id, v.vin, v.model_id, a.campaign_id, c.name AS campaign_name, c.release_id, a.wave, a.attempt, ",
            "a.state, a.assigned_at, a.updated_at, f.error_code, r.rxswin AS rxswin_expected, ",
            "(SELECT h.rxswin FROM vehicle_rxswin_history h WHERE h.vehicle_id = a.vehicle_id ",
            "AND h.valid_from <= a.assigned_at ORDER BY h.valid_from DESC LIMIT 1) AS rxswin_before, ",
            "(SELECT h.rxswin FROM vehicle_rxswin_history h WHERE h.vehicle_id = a.vehicle_id ",
            "AND h.valid_from <= n.until ORDER BY h.valid_from DESC LIMIT 1) AS rxswin_after, ",
            "b.ecus AS before, l.ecus AS after, ",
            "CASE WHEN jsonb_array_length(b.ecus) > 0 THEN ",
            "EXISTS (SELECT 1 FROM release_models m WHERE m.release_id = r.id AND m.model_id = v.model_id) ",
            "AND NOT EXISTS (SELECT 1 FROM release_images i WHERE i.release_id = r.id ",
            "AND NOT b.ecus @> jsonb_build_array(jsonb_build_object('hardware_id', i.hardware_id))) END AS compatible ",
            "FROM assignments a JOIN vehicles v ON v.id = a.vehicle_id JOIN campaigns c ON c.id = a.campaign_id ",
            "JOIN releases r ON r.id = c.release_id ",
            "LEFT JOIN assignment_failures f ON f.campaign_id = a.campaign_id AND f.vehicle_id = a.vehicle_id ",
            "AND f.attempt = a.attempt ",
            "CROSS JOIN LATERAL (SELECT coalesce(min(o.assigned_at), 'infinity') AS until FROM assignments o ",
            "WHERE o.vehicle_id = a.vehicle_id AND o.assigned_at > a.assigned_at) n ",
            ecus_as_of!("a.assigned_at", "b"),
            ecus_as_of!("n.until", "l"),
            $tail
        )
    };
}

/// The results of a campaign after the vehicle `after`.
///
/// # Errors
/// [`StoreError`].
pub async fn of_campaign(
    store: &Store,
    campaign: CampaignId,
    after: VehicleId,
    limit: i64,
) -> Result<Vec<VehicleResult>, StoreError> {
    let rows =
        sqlx::query_as(results!("WHERE a.campaign_id = $1 AND a.vehicle_id > $2 ORDER BY a.vehicle_id LIMIT $3"));
    Ok(rows.bind(campaign).bind(after).bind(limit).fetch_all(store.pool()).await?)
}

/// The results of a vehicle, the newest campaign first.
///
/// # Errors
/// [`StoreError`].
pub async fn of_vehicle(store: &Store, vehicle: VehicleId, limit: i64) -> Result<Vec<VehicleResult>, StoreError> {
    let rows =
        sqlx::query_as(results!("WHERE a.vehicle_id = $1 ORDER BY a.assigned_at DESC, a.campaign_id DESC LIMIT $2"));
    Ok(rows.bind(vehicle).bind(limit).fetch_all(store.pool()).await?)
}
