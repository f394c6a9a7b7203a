//! Who asks. A token is verified with public keys that are kept in memory, so a poll costs no database read;
//! it is refused at once when its credential is revoked, its key retired or its time over.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use moka::sync::Cache;
use otaru_domain::clock;
use otaru_domain::token::{self, Claims, TokenError};
use otaru_http::Problem;
use otaru_store::token_keys::{self, TokenKey};
use otaru_store::{Store, StoreError};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use crate::app::{App, TOKEN_KEYS};
use crate::problems;
use crate::rates::client_of;

/// Longer ones are none of ours.
const MAX_TOKEN_BYTES: usize = 2048;
/// Verified tokens that are remembered.
const REMEMBERED_TOKENS: u64 = 200_000;
/// Tokens with unknown keys make the gateway look for new keys no more often than this.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How often the keys are read anyway, so that a retired one is noticed.
const REFRESH: Duration = Duration::from_secs(30);

/// Why a token is not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Not signed by a key of this fleet, changed, or revoked.
    Invalid,
    Expired,
    /// Its key may have been added since the keys were last read.
    CannotTell,
    Store(StoreError),
}

/// A token that was verified, with the key that signed it.
#[derive(Debug)]
struct Verified {
    kid: String,
    claims: Arc<Claims>,
}

#[derive(Debug, Default)]
struct Keys {
    by_id: HashMap<String, TokenKey>,
    read_at: Option<Instant>,
}

/// The keys, the revocations, and the tokens verified lately.
pub(crate) struct Auth {
    store: Store,
    keys: RwLock<Keys>,
    reading: Mutex<()>,
    revoked: RwLock<HashSet<Uuid>>,
    verified: Cache<[u8; 32], Arc<Verified>>,
}

impl Auth {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            keys: RwLock::default(),
            reading: Mutex::new(()),
            revoked: RwLock::default(),
            verified: Cache::builder().max_capacity(REMEMBERED_TOKENS).time_to_idle(Duration::from_secs(3600)).build(),
        }
    }

    /// Reads all keys.
    pub(crate) async fn read_keys(&self) -> Result<(), StoreError> {
        let keys = token_keys::all(&self.store).await?;
        let by_id = keys.into_iter().map(|key| (key.kid.clone(), key)).collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Keys { by_id, read_at: Some(Instant::now()) };
        Ok(())
    }

    /// Notes that the credential `id` is revoked, or that the revocation may be forgotten.
    pub(crate) fn set_revoked(&self, id: Uuid, revoked: bool) {
        let mut all = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        if revoked {
            all.insert(id)
        } else {
            all.remove(&id)
        };
    }

    /// Whether the keys were ever read.
    pub(crate) fn has_keys(&self) -> bool {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).read_at.is_some()
    }

    pub(crate) async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Claims>, Refused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused::Invalid);
        }
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let verified = match self.verified.get(&digest) {
            Some(verified) => verified,
            None => {
                let kid = token::key_id(token).ok_or(Refused::Invalid)?;
                let key = self.find_key(&kid).await?;
                let claims = token::verify(token, &key.public_key, now).map_err(|error| match error {
                    TokenError::Expired => Refused::Expired,
                    TokenError::Invalid | TokenError::Key => Refused::Invalid,
                })?;
                let verified = Arc::new(Verified { kid, claims: Arc::new(claims) });
                self.verified.insert(digest, Arc::clone(&verified));
                verified
            }
        };
        if !self.key(&verified.kid).is_some_and(|key| is_in_use(&key, now)) {
            return Err(Refused::Invalid);
        }
        self.check(&verified.claims, now)?;
        Ok(Arc::clone(&verified.claims))
    }

    /// Whether the token with this SHA-256 was verified lately.
    pub(crate) fn knows(&self, digest: &[u8; 32]) -> bool {
        self.verified.contains_key(digest)
    }

    /// What can change after a token was verified.
    pub(crate) fn check(&self, claims: &Claims, now: DateTime<Utc>) -> Result<(), Refused> {
        if claims.exp <= now.timestamp() {
            return Err(Refused::Expired);
        }
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner).contains(&claims.jti);
        if revoked { Err(Refused::Invalid) } else { Ok(()) }
    }

    fn key(&self, kid: &str) -> Option<TokenKey> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).by_id.get(kid).cloned()
    }

    /// The key `kid`, looked for in the database when it is not known yet.
    async fn find_key(&self, kid: &str) -> Result<TokenKey, Refused> {
        if let Some(key) = self.key(kid) {
            return Ok(key);
        }
        let _one_at_a_time = self.reading.lock().await;
        if let Some(key) = self.key(kid) {
            return Ok(key);
        }
        let read_at = self.keys.read().unwrap_or_else(PoisonError::into_inner).read_at;
        if read_at.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
            return Err(Refused::CannotTell);
        }
        self.read_keys().await.map_err(Refused::Store)?;
        self.key(kid).ok_or(Refused::Invalid)
    }
}

fn is_in_use(key: &TokenKey, now: DateTime<Utc>) -> bool {
    key.retired_at.is_none_or(|at| now < at)
}

/// Reads the keys now and then, and says whether they were read at all.
pub(crate) async fn keep_keys_fresh(app: App) {
    let mut known = false;
    while !app.stop.is_cancelled() {
        let pause = match app.auth.read_keys().await {
            Ok(()) => {
                known = true;
                app.database.answered();
                app.health.ready(TOKEN_KEYS);
                REFRESH
            }
            Err(error) => {
                app.database.failed(&error);
                if !known {
                    app.health.not_ready(TOKEN_KEYS, error.to_string());
                }
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The vehicle that asks, for itself: its token is valid, and the path names no other.
#[derive(Debug, Clone)]
pub(crate) struct Vehicle(pub(crate) Arc<Claims>);

/// The scheme and the secret that a request brings.
pub(crate) fn credential(headers: &HeaderMap) -> Option<(&str, &str)> {
    split(headers.get(AUTHORIZATION)?.to_str().ok()?)
}

fn split(authorization: &str) -> Option<(&str, &str)> {
    let (scheme, secret) = authorization.split_once(' ')?;
    Some((scheme, secret.trim()))
}

/// The vehicle that `token` is, if it is the one called `vin`: the one way in, over HTTP as over MQTT. `client` is the
/// address that tries, where one is known.
///
/// # Errors
/// 401 without a token that holds, 403 for another's VIN, 429 for who asks too often, 503 while that cannot be told.
pub(crate) async fn admit(
    app: &App,
    token: Option<&str>,
    vin: Option<&str>,
    client: Option<IpAddr>,
) -> Result<Arc<Claims>, Problem> {
    let token =
        token.ok_or_else(|| Problem::unauthorized("send the vehicle's token: Authorization: Bearer <token>"))?;
    if !app.mirror.knows_revocations() {
        return Err(problems::starting());
    }
    if !app.knows(token) {
        app.rates.may_try(client)?;
    }
    let verified = app.auth.verify(token, clock::now()).await;
    if matches!(verified, Err(Refused::Invalid | Refused::Expired)) {
        app.rates.refused(client)?;
    }
    let claims = verified.map_err(|refused| match refused {
        Refused::Invalid => Problem::unauthorized(TokenError::Invalid.to_string()),
        Refused::Expired => Problem::unauthorized(TokenError::Expired.to_string()),
        Refused::CannotTell => Problem::unavailable("the token's key is not known here yet; ask again", 2),
        Refused::Store(error) => problems::not_read(app, &error),
    })?;
    app.rates.vehicle(&claims.vin)?;
    // Another's VIN and a text that is no VIN are refused alike: nobody learns which VINs exist.
    if vin != Some(claims.vin.as_str()) {
        return Err(Problem::forbidden("the token is not this vehicle's"));
    }
    Ok(claims)
}

/// The token in the value of an `Authorization` header, or of the user property of that name.
pub(crate) fn bearer(authorization: &str) -> Option<&str> {
    split(authorization).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token)
}

impl FromRequestParts<App> for Vehicle {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = RawPathParams::from_request_parts(parts, app).await.ok();
        let vin = path.as_ref().and_then(|path| path.iter().find(|(name, _)| *name == "vin")).map(|(_, vin)| vin);
        let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let claims = admit(app, authorization.and_then(bearer), vin, client_of(parts, app)).await?;
        tracing::Span::current().record("vin", claims.vin.as_str());
        Ok(Self(claims))
    }
}
