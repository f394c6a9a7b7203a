//! Whether a report is its vehicle's own word, as far as a gateway can tell: so that a vehicle hears at once of a key that does
//! not hold. What counts is decided again where reports are applied, for it is gateways that are not to be believed.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;
use chrono::DateTime;
use moka::sync::Cache;
use otaru_domain::ack::{Ack, AckKey, SignatureError, SignaturePolicy, judge, parse_key};
use otaru_domain::id::{ModelId, Vin};
use otaru_domain::inventory::{self, Inventory};
use otaru_domain::token::Claims;
use otaru_http::Problem;
use otaru_store::ack_keys::{self, Policies};
use otaru_store::{Store, StoreError};
use uuid::Uuid;

use crate::app::App;
use crate::problems;

/// How long keys that were looked up are taken on trust.
const REMEMBER: Duration = Duration::from_secs(10);
const REMEMBERED: u64 = 100_000;

/// What models ask of their vehicles, and keys that no token brought along.
#[derive(Debug)]
pub(crate) struct Signatures {
    policies: RwLock<HashMap<ModelId, Policies>>,
    keys: Cache<Vin, Arc<Vec<AckKey>>>,
}

impl Default for Signatures {
    fn default() -> Self {
        Self {
            policies: RwLock::default(),
            keys: Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBER).build(),
        }
    }
}

impl Signatures {
    /// Reads what all models ask for.
    pub(crate) async fn read_policies(&self, store: &Store) -> Result<(), StoreError> {
        let policies = ack_keys::policies(store).await?.into_iter().collect();
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = policies;
        Ok(())
    }

    fn known(&self, model: &ModelId) -> Option<Policies> {
        self.policies.read().unwrap_or_else(PoisonError::into_inner).get(model).copied()
    }
}

/// What the model asks for. Of one that is new here while Postgres is away, whoever applies the report knows.
async fn policies(app: &App, model: &ModelId) -> Policies {
    if let Some(policies) = app.signatures.known(model) {
        return policies;
    }
    if let Err(error) = app.signatures.read_policies(&app.store).await {
        app.database.failed(&error);
    }
    app.signatures.known(model).unwrap_or_default()
}

/// Whether the vehicles of this model must sign, which devices that speak DDI cannot.
pub(crate) async fn are_required(app: &App, model: &ModelId) -> bool {
    policies(app, model).await.acks == SignaturePolicy::Required
}

/// Whether the vehicles of this model must sign their inventories.
pub(crate) async fn must_sign_inventories(app: &App, model: &ModelId) -> bool {
    policies(app, model).await.inventories == SignaturePolicy::Required
}

/// Whether what the vehicle of `claims` reports is to be taken.
///
/// # Errors
/// 403 where the signature is missing or does not hold: the same report may be taken with another. 503 while its key cannot be
/// looked up.
pub(crate) async fn check(app: &App, claims: &Claims, ack: &Ack) -> Result<(), Problem> {
    let policy = policies(app, &claims.model).await.acks;
    judged(app, claims, |keys| judge(ack, policy, keys)).await?.map_err(|error| {
        metrics::counter!("otaru_gateway_acks_refused_total", "reason" => "signature").increment(1);
        problem(&error)
    })
}

/// As [`check`], of an inventory. Whether its sequence is one of before is seen where it is applied.
///
/// # Errors
/// As [`check`].
pub(crate) async fn check_inventory(app: &App, claims: &Claims, said: &Inventory) -> Result<(), Problem> {
    let policy = policies(app, &claims.model).await.inventories;
    judged(app, claims, |keys| inventory::judge(said, policy, keys)).await?.map_err(|error| {
        metrics::counter!("otaru_gateway_inventories_refused_total", "reason" => "signature").increment(1);
        problem(&error)
    })
}

async fn judged(
    app: &App,
    claims: &Claims,
    judge: impl Fn(&[AckKey]) -> Result<Option<Uuid>, SignatureError>,
) -> Result<Result<(), SignatureError>, Problem> {
    let judged = match judge(&of_token(claims)) {
        // The token brought no such key: another credential may have.
        Err(SignatureError::UnknownKey) => judge(&registered(app, claims).await?),
        judged => judged,
    };
    Ok(judged.map(drop))
}

/// That what the vehicle says over an API without signatures is not taken.
pub(crate) fn not_over_this_api() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "signature",
        "the vehicles of this model sign their reports, and this API has no way to; use the vehicles' own API",
    )
}

fn problem(error: &SignatureError) -> Problem {
    let text = error.to_string();
    let pointer = text.split(' ').next().unwrap_or_default().to_owned();
    Problem::new(StatusCode::FORBIDDEN, "signature", text).pointer(pointer)
}

/// The key that the vehicle's token was issued with: no read of the database.
fn of_token(claims: &Claims) -> Vec<AckKey> {
    let key = claims.ack_key.as_deref().and_then(parse_key);
    let ends_at = DateTime::from_timestamp(claims.exp, 0).unwrap_or(DateTime::<chrono::Utc>::MAX_UTC);
    key.map(|public| AckKey { credential: claims.jti, public, ends_at }).into_iter().collect()
}

/// The keys of all credentials of the vehicle, as they were a moment ago.
async fn registered(app: &App, claims: &Claims) -> Result<Arc<Vec<AckKey>>, Problem> {
    if let Some(keys) = app.signatures.keys.get(&claims.vin) {
        return Ok(keys);
    }
    let keys = ack_keys::of_vehicle(&app.store, claims.vehicle, &claims.vin).await;
    let keys = Arc::new(keys.map_err(|error| problems::not_read(app, &error))?);
    app.database.answered();
    app.signatures.keys.insert(claims.vin.clone(), Arc::clone(&keys));
    Ok(keys)
}
