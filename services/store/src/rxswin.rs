//! The RXSWIN register (UN R156 7.1.2.3): which vehicles have which number, and which releases stand for it.

use chrono::{DateTime, Utc};
use otaru_domain::id::{ReleaseId, VehicleId};
use sqlx::FromRow;

use crate::{Store, StoreError};

/// A number, and how many vehicles have it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Listed {
    pub rxswin: String,
    pub vehicles: i64,
    /// The releases that stand for it.
    pub releases: Vec<ReleaseId>,
}

/// The numbers that a vehicle has or a release stands for, after `after`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, after: Option<&str>, limit: i64) -> Result<Vec<Listed>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT n.rxswin, (SELECT count(*) FROM rxswin_register g WHERE g.rxswin = n.rxswin) AS vehicles,
                array(SELECT id FROM releases r WHERE r.rxswin = n.rxswin AND r.state <> 'draft' ORDER BY id) AS releases
         FROM (SELECT rxswin FROM rxswin_register UNION SELECT rxswin FROM releases WHERE rxswin IS NOT NULL AND state <> 'draft') n
         WHERE $1::text IS NULL OR n.rxswin > $1 ORDER BY n.rxswin LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}

/// A vehicle that has a number.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Holder {
    pub vehicle_id: VehicleId,
    pub vin: String,
    pub model_id: String,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
}

/// The vehicles that have `rxswin`, after the vehicle `after`.
///
/// # Errors
/// [`StoreError`].
pub async fn holders(store: &Store, rxswin: &str, after: VehicleId, limit: i64) -> Result<Vec<Holder>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT g.vehicle_id, v.vin, v.model_id,
                (SELECT max(valid_from) FROM vehicle_rxswin_history h WHERE h.vehicle_id = g.vehicle_id) AS since
         FROM rxswin_register g JOIN vehicles v ON v.id = g.vehicle_id
         WHERE g.rxswin = $1 AND g.vehicle_id > $2 ORDER BY g.vehicle_id LIMIT $3",
    )
    .bind(rxswin)
    .bind(after)
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}

/// A number that a vehicle had from some time on; none when it had none any more.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Change {
    pub valid_from: DateTime<Utc>,
    pub rxswin: Option<String>,
}

/// The numbers of a vehicle, the first first.
///
/// # Errors
/// [`StoreError`].
pub async fn history(store: &Store, vehicle: VehicleId) -> Result<Vec<Change>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT valid_from, rxswin FROM vehicle_rxswin_history WHERE vehicle_id = $1 ORDER BY valid_from",
    )
    .bind(vehicle)
    .fetch_all(store.pool())
    .await?)
}
