//! Who asks. A token is verified with public keys that are kept in memory, so a poll costs no database read;
//! it is refused at once when its credential is revoked, its key retired or its time over.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use otaru_domain::token::{self, Claims, TokenError};
use otaru_store::token_keys::{self, TokenKey};
use otaru_store::{Store, StoreError};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use crate::app::{App, TOKEN_KEYS};

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

/// Reads the keys now and then, with what models ask of those who report, and says whether they were read at all.
pub(crate) async fn keep_keys_fresh(app: App) {
    let mut known = false;
    while !app.stop.is_cancelled() {
        let read = match app.auth.read_keys().await {
            Ok(()) => app.signatures.read_policies(&app.store).await,
            failed => failed,
        };
        let pause = match read {
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
