//! The public keys that vehicle tokens are verified with. Gateways read all of them now and then, so a
//! token costs no read of its own.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::{Store, StoreError};

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// The id in a token's header.
    pub kid: String,
    /// ed25519.
    pub public_key: [u8; 32],
    /// Tokens signed with it are refused from then on.
    pub retired_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    kid: String,
    public_key: Vec<u8>,
    retired_at: Option<DateTime<Utc>>,
}

/// All keys, retired ones with when.
///
/// # Errors
/// [`StoreError`].
pub async fn all(store: &Store) -> Result<Vec<TokenKey>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as("SELECT kid, public_key, retired_at FROM token_keys ORDER BY kid")
        .fetch_all(store.pool())
        .await?;
    rows.into_iter()
        .map(|row| {
            let public_key = row
                .public_key
                .try_into()
                .map_err(|_| StoreError::inconsistent("token_keys", format!("key {} is not 32 bytes long", row.kid)))?;
            Ok(TokenKey { kid: row.kid, public_key, retired_at: row.retired_at })
        })
        .collect()
}

/// Makes a public key known. Known already, nothing changes: a retired key stays retired.
///
/// # Errors
/// [`StoreError`].
pub async fn add(store: &Store, kid: &str, public_key: &[u8; 32], now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO token_keys (kid, public_key, created_at) VALUES ($1, $2, $3) ON CONFLICT (kid) DO NOTHING",
    )
    .bind(kid)
    .bind(public_key.as_slice())
    .bind(now)
    .execute(store.pool())
    .await?;
    Ok(())
}

/// Retires a key from `at` on. Gives whether there is such a key.
///
/// # Errors
/// [`StoreError`].
pub async fn retire(store: &Store, kid: &str, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE token_keys SET retired_at = LEAST(retired_at, $2) WHERE kid = $1")
        .bind(kid)
        .bind(at)
        .execute(store.pool())
        .await?;
    Ok(done.rows_affected() == 1)
}
