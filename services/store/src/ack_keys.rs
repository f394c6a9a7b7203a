//! The public keys by which vehicles sign their reports, and which models ask for it. A key comes with a credential and
//! ends with it.

use chrono::{DateTime, Utc};
use otaru_domain::ack::{AckKey, SignaturePolicy};
use otaru_domain::id::{ModelId, VehicleId, Vin};
use sqlx::{FromRow, PgExecutor};
use uuid::Uuid;

use crate::{Store, StoreError, Tx};

#[derive(FromRow)]
struct Row {
    vehicle_id: i64,
    id: Uuid,
    ack_key: Vec<u8>,
    ends_at: DateTime<Utc>,
}

impl TryFrom<Row> for (VehicleId, AckKey) {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let public = row.ack_key.try_into().map_err(|_| {
            StoreError::inconsistent("vehicle_credentials", format!("the key of {} is not 32 bytes long", row.id))
        })?;
        Ok((row.vehicle_id, AckKey { credential: row.id, public, ends_at: row.ends_at }))
    }
}

/// The keys of these vehicles, of each the oldest first; those that ended are among them.
pub(crate) async fn of(
    executor: impl PgExecutor<'_>,
    vehicles: &[VehicleId],
) -> Result<Vec<(VehicleId, AckKey)>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT vehicle_id, id, ack_key, LEAST(expires_at, revoked_at) AS ends_at FROM vehicle_credentials
          WHERE vehicle_id = ANY($1) AND ack_key IS NOT NULL ORDER BY vehicle_id, id",
    )
    .bind(vehicles)
    .fetch_all(executor)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The keys of a vehicle, the oldest first; none where `vin` is another's.
///
/// # Errors
/// [`StoreError`].
pub async fn of_vehicle(store: &Store, vehicle: VehicleId, vin: &Vin) -> Result<Vec<AckKey>, StoreError> {
    let is_its_vin: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM vehicles WHERE id = $1 AND vin = $2)")
        .bind(vehicle)
        .bind(vin.as_str())
        .fetch_one(store.pool())
        .await?;
    if !is_its_vin {
        return Ok(Vec::new());
    }
    Ok(of(store.pool(), &[vehicle]).await?.into_iter().map(|(_, key)| key).collect())
}

/// What a model asks of its vehicles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policies {
    pub acks: SignaturePolicy,
    pub inventories: SignaturePolicy,
}

impl Policies {
    pub(crate) fn of_row(acks: &str, inventories: &str) -> Result<Self, StoreError> {
        Ok(Self { acks: policy(acks)?, inventories: policy(inventories)? })
    }
}

/// What each model asks of its vehicles.
///
/// # Errors
/// [`StoreError`].
pub async fn policies(store: &Store) -> Result<Vec<(ModelId, Policies)>, StoreError> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT id, ack_signatures, inventory_signatures FROM models ORDER BY id")
            .fetch_all(store.pool())
            .await?;
    rows.into_iter()
        .map(|(model, acks, inventories)| {
            let model = model.parse().map_err(|error| StoreError::inconsistent("models", error))?;
            Ok((model, Policies::of_row(&acks, &inventories)?))
        })
        .collect()
}

/// Says what a model asks of its vehicles' reports, and of their inventories unless that stays as it is. Gives what it asks for
/// now; none when there is no such model.
///
/// # Errors
/// [`StoreError`].
pub async fn set_policies(
    tx: &mut Tx,
    model: &ModelId,
    acks: SignaturePolicy,
    inventories: Option<SignaturePolicy>,
) -> Result<Option<Policies>, StoreError> {
    let row: Option<(String, String)> = sqlx::query_as(
        "UPDATE models SET ack_signatures = $2, inventory_signatures = coalesce($3, inventory_signatures)
          WHERE id = $1 RETURNING ack_signatures, inventory_signatures",
    )
    .bind(model.as_str())
    .bind(acks.as_str())
    .bind(inventories.map(SignaturePolicy::as_str))
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|(acks, inventories)| Policies::of_row(&acks, &inventories)).transpose()
}

/// How many vehicles of a model that are in service have no key that works, so that none of their reports would be taken.
///
/// # Errors
/// [`StoreError`].
pub async fn without_key(store: &Store, model: &ModelId, now: DateTime<Utc>) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM vehicles v
          WHERE v.model_id = $1 AND v.retired_at IS NULL
            AND NOT EXISTS (SELECT FROM vehicle_credentials k
                             WHERE k.vehicle_id = v.id AND k.ack_key IS NOT NULL AND k.revoked_at IS NULL
                               AND k.expires_at > $2)",
    )
    .bind(model.as_str())
    .bind(now)
    .fetch_one(store.pool())
    .await?)
}

/// What a row says.
pub(crate) fn policy(name: &str) -> Result<SignaturePolicy, StoreError> {
    SignaturePolicy::parse(name)
        .ok_or_else(|| StoreError::inconsistent("models", format!("ack_signatures {name:?} is not known")))
}
