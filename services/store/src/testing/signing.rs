//! Vehicles that sign their reports, as the campaign service registers them.

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::ack::SignaturePolicy;
use otaru_domain::id::{ModelId, VehicleId};
use uuid::Uuid;

use crate::credentials::{self, NewCredential};
use crate::{Store, StoreError, ack_keys};

/// A credential for a day, issued with the public key by which the vehicle signs.
///
/// # Errors
/// [`StoreError`].
pub async fn ack_key(store: &Store, vehicle: VehicleId, key: [u8; 32], now: DateTime<Utc>) -> Result<Uuid, StoreError> {
    let credential = NewCredential { id: Uuid::now_v7(), vehicle, ack_key: Some(key) };
    let id = credential.id;
    let mut tx = store.begin().await?;
    credentials::issue(&mut tx, &[credential], now + TimeDelta::days(1), "test", now).await?;
    tx.commit().await?;
    Ok(id)
}

/// Revokes what [`ack_key`] issued.
///
/// # Errors
/// [`StoreError`].
pub async fn revoke_credential(
    store: &Store,
    vehicle: VehicleId,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    credentials::revoke(&mut tx, vehicle, Some(id), now).await?;
    Ok(tx.commit().await?)
}

/// Says whether the vehicles of a model sign.
///
/// # Errors
/// [`StoreError`].
pub async fn set_ack_signatures(store: &Store, model: &ModelId, policy: SignaturePolicy) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    ack_keys::set_policies(&mut tx, model, policy, None).await?;
    Ok(tx.commit().await?)
}

/// Says whether the vehicles of a model sign all that they say.
///
/// # Errors
/// [`StoreError`].
pub async fn set_signatures(store: &Store, model: &ModelId, policy: SignaturePolicy) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    ack_keys::set_policies(&mut tx, model, policy, Some(policy)).await?;
    Ok(tx.commit().await?)
}
