//! Opaque tokens that vehicles brought along from another server. Only a token's SHA-256 is kept, and it is looked
//! up by that: the time of the lookup says nothing about how near a guess was.

use chrono::{DateTime, Utc};
use otaru_domain::id::{ModelId, VehicleId, Vin};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Store, StoreError, Tx};

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct VehicleToken {
    pub id: Uuid,
    pub imported_at: DateTime<Utc>,
    pub imported_by: String,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Whose a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Of the token; nil where the vehicle was asked for by its VIN.
    pub token: Uuid,
    pub vehicle: VehicleId,
    pub vin: Vin,
    pub model: ModelId,
}

/// A token to be kept.
#[derive(Debug, Clone)]
pub struct NewVehicleToken {
    pub id: Uuid,
    pub vin: Vin,
    pub sha256: [u8; 32],
}

/// What became of a token of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOutcome {
    Imported,
    /// The vehicle has it already, and it is not revoked.
    Unchanged,
    UnknownVehicle,
    /// Another vehicle has it, or it was revoked.
    Refused,
}

/// Keeps tokens; what became of each, in their order. The same call again changes nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn import(
    tx: &mut Tx,
    tokens: &[NewVehicleToken],
    by: &str,
    now: DateTime<Utc>,
) -> Result<Vec<TokenOutcome>, StoreError> {
    let ids: Vec<Uuid> = tokens.iter().map(|token| token.id).collect();
    let vins: Vec<&str> = tokens.iter().map(|token| token.vin.as_str()).collect();
    let hashes: Vec<&[u8]> = tokens.iter().map(|token| token.sha256.as_slice()).collect();
    let imported: Vec<Uuid> = sqlx::query_scalar(
        "INSERT INTO vehicle_tokens (id, vehicle_id, token_sha256, imported_at, imported_by)
         SELECT u.id, v.id, u.sha256, $4, $5
           FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS u (id, vin, sha256)
           JOIN vehicles v ON v.vin = u.vin AND v.retired_at IS NULL
          ORDER BY u.sha256
         ON CONFLICT (token_sha256) DO NOTHING RETURNING id",
    )
    .bind(&ids)
    .bind(&vins)
    .bind(&hashes)
    .bind(now)
    .bind(by)
    .fetch_all(&mut **tx)
    .await?;
    let known: Vec<(Uuid, bool, bool)> = sqlx::query_as(
        "SELECT u.id, v.id IS NOT NULL, coalesce(t.vehicle_id = v.id AND t.revoked_at IS NULL, false)
           FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS u (id, vin, sha256)
           LEFT JOIN vehicles v ON v.vin = u.vin AND v.retired_at IS NULL
           LEFT JOIN vehicle_tokens t ON t.token_sha256 = u.sha256",
    )
    .bind(&ids)
    .bind(&vins)
    .bind(&hashes)
    .fetch_all(&mut **tx)
    .await?;
    let outcome = |token: &NewVehicleToken| {
        let found = known.iter().find(|row| row.0 == token.id);
        match found {
            _ if imported.contains(&token.id) => TokenOutcome::Imported,
            Some((_, true, true)) => TokenOutcome::Unchanged,
            Some((_, true, false)) => TokenOutcome::Refused,
            _ => TokenOutcome::UnknownVehicle,
        }
    };
    Ok(tokens.iter().map(outcome).collect())
}

/// The tokens of a vehicle by id (which rises with time) after `after`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    store: &Store,
    vehicle: VehicleId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<VehicleToken>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, imported_at, imported_by, revoked_at FROM vehicle_tokens
         WHERE vehicle_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3",
    )
    .bind(vehicle)
    .bind(after)
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}

/// Revokes a token of a vehicle, once and for all; false when it has none such.
///
/// # Errors
/// [`StoreError`].
pub async fn revoke(tx: &mut Tx, vehicle: VehicleId, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let revoked = sqlx::query(
        "UPDATE vehicle_tokens SET revoked_at = coalesce(revoked_at, $3) WHERE vehicle_id = $1 AND id = $2",
    )
    .bind(vehicle)
    .bind(id)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(revoked.rows_affected() == 1)
}

#[derive(FromRow)]
struct HolderRow {
    token: Uuid,
    vehicle_id: i64,
    vin: String,
    model_id: String,
}

impl TryFrom<HolderRow> for Holder {
    type Error = StoreError;

    fn try_from(row: HolderRow) -> Result<Self, StoreError> {
        Ok(Self {
            token: row.token,
            vehicle: row.vehicle_id,
            vin: row.vin.parse().map_err(|error| StoreError::inconsistent("vehicles", error))?,
            model: row.model_id.parse().map_err(|error| StoreError::inconsistent("vehicles", error))?,
        })
    }
}

/// Whose token this is the hash of; none for one that is revoked or whose vehicle left the fleet.
///
/// # Errors
/// [`StoreError`].
pub async fn holder(store: &Store, sha256: &[u8; 32]) -> Result<Option<Holder>, StoreError> {
    let row: Option<HolderRow> = sqlx::query_as(
        "SELECT t.id AS token, v.id AS vehicle_id, v.vin, v.model_id
           FROM vehicle_tokens t JOIN vehicles v ON v.id = t.vehicle_id
          WHERE t.token_sha256 = $1 AND t.revoked_at IS NULL AND v.retired_at IS NULL",
    )
    .bind(sha256.as_slice())
    .fetch_optional(store.pool())
    .await?;
    row.map(Holder::try_from).transpose()
}

/// The vehicle with this VIN, for a gateway that vouches for its vehicles; and whether it left the fleet.
///
/// # Errors
/// [`StoreError`].
pub async fn by_vin(store: &Store, vin: &Vin) -> Result<Option<(Holder, bool)>, StoreError> {
    let row: Option<(i64, String, bool)> =
        sqlx::query_as("SELECT id, model_id, retired_at IS NOT NULL FROM vehicles WHERE vin = $1")
            .bind(vin.as_str())
            .fetch_optional(store.pool())
            .await?;
    row.map(|(vehicle, model, retired)| {
        let model = model.parse().map_err(|error| StoreError::inconsistent("vehicles", error))?;
        Ok((Holder { token: Uuid::nil(), vehicle, vin: vin.clone(), model }, retired))
    })
    .transpose()
}
