//! Vehicles, one by one: what people say of them. What the vehicles themselves say is the [`crate::twin`]'s.

mod erase;
mod import;
mod list;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::id::{ModelId, VehicleId, Vin};
use sqlx::FromRow;
use sqlx::types::Json;

pub use erase::erase;
pub use import::{ImportEcu, ImportVehicle, Imported, import};
pub use list::{Filter, list};

use crate::{Store, StoreError, Tx, presence};

/// A vehicle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vehicle {
    pub id: VehicleId,
    pub vin: Vin,
    pub model: ModelId,
    pub details: Details,
    pub retired_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// When its newest inventory was taken.
    pub inventory_at: Option<DateTime<Utc>>,
    /// When its newest acknowledgement was taken.
    pub ack_at: Option<DateTime<Utc>>,
    /// When a gateway last heard it.
    pub heard_at: Option<DateTime<Utc>>,
    /// Until when it counts as online for that.
    pub online_until: Option<DateTime<Utc>>,
}

/// What people may change of a vehicle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    pub model_year: Option<i32>,
    pub region: Option<String>,
    pub tags: Vec<String>,
    pub attributes: BTreeMap<String, String>,
    pub rxswin: Option<String>,
    /// Its holder wants no updates over the air: none is offered to it, and no campaign takes it.
    pub opted_out: bool,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    vin: String,
    model_id: String,
    model_year: Option<i32>,
    region: Option<String>,
    tags: Vec<String>,
    attributes: Json<BTreeMap<String, String>>,
    rxswin: Option<String>,
    opted_out: bool,
    retired_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    inventory_at: Option<DateTime<Utc>>,
    ack_at: Option<DateTime<Utc>>,
    heard_at: Option<DateTime<Utc>>,
    online_until: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Vehicle {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            vin: row.vin.parse().map_err(|error| StoreError::inconsistent("vehicles", error))?,
            model: row.model_id.parse().map_err(|error| StoreError::inconsistent("vehicles", error))?,
            details: Details {
                model_year: row.model_year,
                region: row.region,
                tags: row.tags,
                attributes: row.attributes.0,
                rxswin: row.rxswin,
                opted_out: row.opted_out,
            },
            retired_at: row.retired_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            inventory_at: row.inventory_at,
            ack_at: row.ack_at,
            heard_at: row.heard_at,
            online_until: row.online_until,
        })
    }
}

/// `SELECT` with every column of a vehicle, which the tail calls `v`.
macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT v.id, v.vin, v.model_id, v.model_year, v.region, v.tags, v.attributes, v.rxswin, v.opted_out_at IS NOT NULL AS opted_out, v.retired_at, ",
            "v.created_at, v.updated_at, r.inventory_at, r.ack_at, p.heard_at, p.online_until ",
            "FROM vehicles AS v LEFT JOIN vehicle_reports AS r ON r.vehicle_id = v.id ",
            "LEFT JOIN vehicle_presence AS p ON p.vehicle_id = v.id ",
            $tail
        )
    };
}
pub(super) use select;

/// Creates a vehicle; `None` when there is one with this VIN.
///
/// # Errors
/// [`StoreError`].
pub async fn create(
    tx: &mut Tx,
    vin: &Vin,
    model: &ModelId,
    details: &Details,
    now: DateTime<Utc>,
) -> Result<Option<VehicleId>, StoreError> {
    Ok(sqlx::query_scalar(
        "INSERT INTO vehicles (vin, model_id, model_year, region, tags, attributes, rxswin, created_at, updated_at,
                               opted_out_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, CASE WHEN $9 THEN $8 END) ON CONFLICT (vin) DO NOTHING RETURNING id",
    )
    .bind(vin.as_str())
    .bind(model.as_str())
    .bind(details.model_year)
    .bind(&details.region)
    .bind(&details.tags)
    .bind(Json(&details.attributes))
    .bind(&details.rxswin)
    .bind(now)
    .bind(details.opted_out)
    .fetch_optional(&mut **tx)
    .await?)
}

/// The vehicle.
///
/// # Errors
/// [`StoreError`].
pub async fn get(store: &Store, vin: &Vin) -> Result<Option<Vehicle>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE v.vin = $1")).bind(vin.as_str()).fetch_optional(store.pool()).await?;
    row.map(Vehicle::try_from).transpose()
}

/// The vehicle, locked until the transaction ends.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(tx: &mut Tx, vin: &Vin) -> Result<Option<Vehicle>, StoreError> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE v.vin = $1 FOR NO KEY UPDATE OF v"))
        .bind(vin.as_str())
        .fetch_optional(&mut **tx)
        .await?;
    row.map(Vehicle::try_from).transpose()
}

/// Replaces what people may change of a vehicle that [`lock`] gave.
///
/// # Errors
/// [`StoreError`].
pub async fn update(tx: &mut Tx, id: VehicleId, details: &Details, now: DateTime<Utc>) -> Result<(), StoreError> {
    let updated = sqlx::query(
        "UPDATE vehicles SET model_year = $2, region = $3, tags = $4, attributes = $5, rxswin = $6, updated_at = $7,
                             opted_out_at = CASE WHEN $8 THEN coalesce(opted_out_at, $7) END
         WHERE id = $1",
    )
    .bind(id)
    .bind(details.model_year)
    .bind(&details.region)
    .bind(&details.tags)
    .bind(Json(&details.attributes))
    .bind(&details.rxswin)
    .bind(now)
    .bind(details.opted_out)
    .execute(&mut **tx)
    .await?;
    one_row(updated.rows_affected(), id)
}

/// Takes a vehicle that [`lock`] gave out of the fleet. Retired already, it keeps its time.
///
/// # Errors
/// [`StoreError`].
pub async fn retire(tx: &mut Tx, id: VehicleId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let retired =
        sqlx::query("UPDATE vehicles SET retired_at = coalesce(retired_at, $2), updated_at = $2 WHERE id = $1")
            .bind(id)
            .bind(now)
            .execute(&mut **tx)
            .await?;
    one_row(retired.rows_affected(), id)?;
    presence::forget(tx, id, now).await
}

fn one_row(affected: u64, id: VehicleId) -> Result<(), StoreError> {
    if affected == 1 {
        return Ok(());
    }
    Err(StoreError::inconsistent("vehicles", format!("{affected} rows changed for vehicle {id}")))
}
