//! `POST /vehicles/{vin}/erase`

use axum::extract::State;
use otaru_domain::ack::SCHEMA_VERSION;
use otaru_domain::id::{VehicleId, Vin};
use otaru_domain::token::Revocation;
use otaru_domain::{clock, pseudonym, topic};
use otaru_http::{Json, Problem};
use otaru_store::outbox::{self, OutboxMessage};
use otaru_store::{StoreError, Tx, audit, credentials as rows, vehicles};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::not_found;
use crate::app::App;
use crate::auth::Actor;
use crate::check;
use crate::credentials;
use crate::error::ApiError;
use crate::extract::PathPart;

const MAX_REASON_BYTES: usize = 1000;

/// Why a vehicle's data is erased.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// Kept for ever, so without any person's data; 1 to 1000 bytes.
    #[schema(min_length = 1, max_length = 1000, example = "request 2026-118 under Art. 17 GDPR")]
    pub reason: String,
}

/// What is left of the vehicle.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Erased {
    /// By which the vehicle is found from now on: written like a VIN, and none.
    #[schema(example = "ERASEDB4K0X2M7TRC")]
    pub pseudonym: Vin,
}

/// Erase what tells of a vehicle's holder
///
/// For admins, and for good. The VIN becomes a pseudonym wherever the vehicle is shown; tags, attributes, serial
/// numbers and its logs are removed; it is retired and its credentials are revoked. The evidence stays: what the
/// vehicle ran, in which campaigns it was and with what result, and an audit log that still verifies. Messages in Kafka
/// go with their topics' retention.
#[utoipa::path(post, path = "/vehicles/{vin}/erase", tag = "vehicles", operation_id = "erase_vehicle", request_body = Erasure,
    params(("vin" = Vin, Path)), responses((status = 200, body = Erased)))]
pub(super) async fn erase(
    State(app): State<App>,
    actor: Actor,
    PathPart(vin): PathPart<Vin>,
    Json(erasure): Json<Erasure>,
) -> Result<Json<Erased>, ApiError> {
    check::name("/reason", &erasure.reason, MAX_REASON_BYTES)?;
    if pseudonym::is_one(&vin) {
        return Err(Problem::conflict("vehicle-erased", format!("{vin} is a pseudonym: it was erased already")).into());
    }
    let now = clock::now();
    let pseudonym = new_pseudonym()?;
    let mut tx = app.store.begin().await?;
    let vehicle = vehicles::lock(&mut tx, &vin).await?.ok_or_else(|| not_found(&vin))?;
    // While the VIN is known, so that the reason is kept without it.
    let reason = audit::without_vins(&mut tx, erasure.reason).await?;
    vehicles::erase(&mut tx, vehicle.id, &vin, &pseudonym, now).await?;
    let revoked = credentials::revoke(&mut tx, vehicle.id, &pseudonym, None, now).await?;
    revoke_again(&mut tx, vehicle.id, &pseudonym, now).await?;
    let details = json!({"reason": reason, "credentials_revoked": revoked});
    audit::record(&mut tx, &actor.name, "vehicle_erased", &audit::vehicle(vehicle.id), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(vehicle = vehicle.id, actor = actor.name, "erased what tells of a vehicle's holder");
    Ok(Json(Erased { pseudonym }))
}

fn new_pseudonym() -> Result<Vin, ApiError> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(|_| Problem::unavailable("the operating system gave no randomness", 1))?;
    Ok(pseudonym::of(u64::from_le_bytes(random))?)
}

/// Revocations stay on their compacted topic for good: a newer one of the same credential takes the place of one
/// that names the VIN.
async fn revoke_again(
    tx: &mut Tx,
    vehicle: VehicleId,
    pseudonym: &Vin,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), StoreError> {
    let message = |credential: &uuid::Uuid| {
        let revocation = Revocation {
            schema_version: SCHEMA_VERSION,
            credential: *credential,
            vin: pseudonym.clone(),
            revoked_at: now,
        };
        let value = serde_json::to_vec(&revocation).map_err(|error| StoreError::inconsistent("outbox", error))?;
        Ok(OutboxMessage { key: Some(credential.to_string().into_bytes()), value: Some(value) })
    };
    let credentials = rows::all(tx, vehicle).await?;
    let messages = credentials.iter().map(message).collect::<Result<Vec<_>, StoreError>>()?;
    outbox::enqueue(tx, topic::REVOCATIONS, &messages, now).await
}
