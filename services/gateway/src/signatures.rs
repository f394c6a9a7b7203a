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
use otaru_domain::token::Claims;
use otaru_http::Problem;
use otaru_store::{Store, StoreError, ack_keys};

use crate::app::App;
use crate::problems;

/// How long keys that were looked up are taken on trust.
const REMEMBER: Duration = Duration::from_secs(10);
const REMEMBERED: u64 = 100_000;

/// What models ask of their vehicles, and keys that no token brought along.
#[derive(Debug)]
pub(crate) struct Signatures {
    policies: RwLock<HashMap<ModelId, SignaturePolicy>>,
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

    fn known(&self, model: &ModelId) -> Option<SignaturePolicy> {
        self.policies.read().unwrap_or_else(PoisonError::into_inner).get(model).copied()
    }
}

/// What the model asks for. Of one that is new here while Postgres is away, whoever applies the report knows.
pub(crate) async fn policy(app: &App, model: &ModelId) -> SignaturePolicy {
    if let Some(policy) = app.signatures.known(model) {
        return policy;
    }
    if let Err(error) = app.signatures.read_policies(&app.store).await {
        app.database.failed(&error);
    }
    app.signatures.known(model).unwrap_or_default()
}

/// Whether the vehicles of this model must sign, which devices that speak DDI cannot.
pub(crate) async fn are_required(app: &App, model: &ModelId) -> bool {
    policy(app, model).await == SignaturePolicy::Required
}

/// Whether what the vehicle of `claims` reports is to be taken.
///
/// # Errors
/// 403 where the signature is missing or does not hold: the same report may be taken with another. 503 while its key cannot be
/// looked up.
pub(crate) async fn check(app: &App, claims: &Claims, ack: &Ack) -> Result<(), Problem> {
    let policy = policy(app, &claims.model).await;
    let judged = match judge(ack, policy, &of_token(claims)) {
        // The token brought no such key: another credential may have.
        Err(SignatureError::UnknownKey) => judge(ack, policy, &registered(app, claims).await?),
        judged => judged,
    };
    judged.map(drop).map_err(|error| {
        metrics::counter!("otaru_gateway_acks_refused_total", "reason" => "signature").increment(1);
        problem(&error)
    })
}

/// That reports over DDI are not taken of this vehicle.
pub(crate) fn not_over_ddi() -> Problem {
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
