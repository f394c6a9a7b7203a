//! The credentials issued to vehicles. The tokens themselves are signed, not kept: what is here says who got
//! one, until when, and whether it was revoked.

use chrono::{DateTime, Utc};
use otaru_domain::id::VehicleId;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Store, StoreError, Tx};

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Credential {
    /// The token's `jti`.
    pub id: Uuid,
    pub issued_at: DateTime<Utc>,
    pub issued_by: String,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// The public key by which the vehicle signs its reports, if it gave one.
    pub ack_key: Option<Vec<u8>>,
}

/// A credential to be noted.
#[derive(Debug, Clone)]
pub struct NewCredential {
    pub id: Uuid,
    pub vehicle: VehicleId,
    pub ack_key: Option<[u8; 32]>,
}

/// Notes credentials that vehicles get.
///
/// # Errors
/// [`StoreError`].
pub async fn issue(
    tx: &mut Tx,
    credentials: &[NewCredential],
    expires_at: DateTime<Utc>,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO vehicle_credentials (id, vehicle_id, issued_at, issued_by, expires_at, ack_key)
         SELECT id, vehicle_id, $3, $4, $5, ack_key
           FROM unnest($1::uuid[], $2::bigint[], $6::bytea[]) AS issued (id, vehicle_id, ack_key)",
    )
    .bind(credentials.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(credentials.iter().map(|one| one.vehicle).collect::<Vec<_>>())
    .bind(now)
    .bind(by)
    .bind(expires_at)
    .bind(credentials.iter().map(|one| one.ack_key.map(Vec::from)).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The credentials of a vehicle by id (which rises with time) after `after`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    store: &Store,
    vehicle: VehicleId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Credential>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, issued_at, issued_by, expires_at, revoked_at, ack_key FROM vehicle_credentials
         WHERE vehicle_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3",
    )
    .bind(vehicle)
    .bind(after)
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}

/// Whether the vehicle ever got the credential.
///
/// # Errors
/// [`StoreError`].
pub async fn exists(tx: &mut Tx, vehicle: VehicleId, id: Uuid) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM vehicle_credentials WHERE vehicle_id = $1 AND id = $2)")
        .bind(vehicle)
        .bind(id)
        .fetch_one(&mut **tx)
        .await?)
}

/// Revokes one credential of a vehicle, or all; those that this revoked and that were still good.
///
/// # Errors
/// [`StoreError`].
pub async fn revoke(
    tx: &mut Tx,
    vehicle: VehicleId,
    only: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, StoreError> {
    Ok(sqlx::query_scalar(
        "UPDATE vehicle_credentials SET revoked_at = $3
         WHERE vehicle_id = $1 AND ($2::uuid IS NULL OR id = $2) AND revoked_at IS NULL RETURNING id",
    )
    .bind(vehicle)
    .bind(only)
    .bind(now)
    .fetch_all(&mut **tx)
    .await?)
}

/// All credentials that a vehicle ever got.
///
/// # Errors
/// [`StoreError`].
pub async fn all(tx: &mut Tx, vehicle: VehicleId) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar("SELECT id FROM vehicle_credentials WHERE vehicle_id = $1 ORDER BY id");
    Ok(ids.bind(vehicle).fetch_all(&mut **tx).await?)
}
