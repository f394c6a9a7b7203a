//! Vehicle credentials: signed, noted, and revoked with a message to the gateways, each in one transaction.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use otaru_domain::ack::SCHEMA_VERSION;
use otaru_domain::id::{ModelId, VehicleId, Vin};
use otaru_domain::token::{self, Claims, Revocation};
use otaru_domain::topic;
use otaru_domain::tuf::Key;
use otaru_http::{Problem, chain};
use otaru_store::credentials::{self, NewCredential};
use otaru_store::outbox::{self, OutboxMessage};
use otaru_store::{StoreError, Tx};
use uuid::Uuid;

use crate::error::ApiError;

/// How long a credential is good for unless another time is asked for.
pub const DEFAULT_DAYS: i64 = 730;

/// Who gets a credential.
#[derive(Debug, Clone)]
pub struct Holder {
    pub vehicle: VehicleId,
    pub vin: Vin,
    pub model: ModelId,
    /// The public key by which the vehicle signs its reports, if it has one.
    pub ack_key: Option<[u8; 32]>,
}

/// A credential as it is handed out.
#[derive(Debug, Clone)]
pub struct Issued {
    pub id: Uuid,
    pub token: String,
}

/// When a credential that is issued at `now` for `days` ends: tokens know whole seconds.
#[must_use]
pub fn expiry(days: i64, now: DateTime<Utc>) -> DateTime<Utc> {
    now.trunc_subsecs(0) + TimeDelta::days(days)
}

/// Issues a credential to each of `holders`; in their order.
///
/// # Errors
/// [`ApiError`] when the database fails or the key cannot sign.
pub async fn issue(
    tx: &mut Tx,
    key: &Key,
    holders: &[Holder],
    expires_at: DateTime<Utc>,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Issued>, ApiError> {
    let sign = |holder: &Holder| {
        let id = Uuid::now_v7();
        let claims = Claims {
            vin: holder.vin.clone(),
            vehicle: holder.vehicle,
            model: holder.model.clone(),
            jti: id,
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
            ack_key: holder.ack_key.map(hex::encode),
        };
        token::issue(&claims, key).map(|token| Issued { id, token })
    };
    let issued = holders.iter().map(sign).collect::<Result<Vec<_>, _>>().map_err(|error| {
        tracing::error!(error = chain(&error), "vehicle tokens cannot be signed");
        ApiError::from(Problem::internal())
    })?;
    let row = |(issued, holder): (&Issued, &Holder)| NewCredential {
        id: issued.id,
        vehicle: holder.vehicle,
        ack_key: holder.ack_key,
    };
    let rows: Vec<_> = issued.iter().zip(holders).map(row).collect();
    credentials::issue(tx, &rows, expires_at, by, now).await?;
    Ok(issued)
}

/// Revokes one credential of a vehicle, or all, and tells the gateways; how many were still good.
///
/// # Errors
/// [`StoreError`].
pub async fn revoke(
    tx: &mut Tx,
    vehicle: VehicleId,
    vin: &Vin,
    only: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let revoked = credentials::revoke(tx, vehicle, only, now).await?;
    let message = |credential: &Uuid| {
        let revocation =
            Revocation { schema_version: SCHEMA_VERSION, credential: *credential, vin: vin.clone(), revoked_at: now };
        let value = serde_json::to_vec(&revocation).map_err(|error| StoreError::inconsistent("outbox", error))?;
        Ok(OutboxMessage { key: Some(credential.to_string().into_bytes()), value: Some(value) })
    };
    let messages = revoked.iter().map(message).collect::<Result<Vec<_>, StoreError>>()?;
    outbox::enqueue(tx, topic::REVOCATIONS, &messages, now).await?;
    Ok(revoked.len())
}
