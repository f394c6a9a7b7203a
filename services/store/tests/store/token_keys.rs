//! The keys that sign tokens: added once, retired for good.

use chrono::TimeDelta;
use otaru_domain::clock;
use otaru_store::Store;
use otaru_store::token_keys::{TokenKey, add, all, retire};
use sqlx::PgPool;

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_key_is_added_once_and_stays_retired(pool: PgPool) {
    let store = Store::from_pool(pool);
    let now = clock::now();
    add(&store, "b", &[2; 32], now).await.unwrap();
    add(&store, "a", &[1; 32], now).await.unwrap();
    assert!(retire(&store, "b", now).await.unwrap());
    assert!(retire(&store, "b", now + TimeDelta::hours(1)).await.unwrap());
    assert!(!retire(&store, "c", now).await.unwrap());
    add(&store, "b", &[9; 32], now).await.unwrap();
    assert_eq!(
        all(&store).await.unwrap(),
        [
            TokenKey { kid: "a".into(), public_key: [1; 32], retired_at: None },
            TokenKey { kid: "b".into(), public_key: [2; 32], retired_at: Some(now) },
        ]
    );
}
