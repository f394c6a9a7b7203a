use std::time::Duration;

use otaru_store::leadership::{self, LEASE};
use otaru_store::{Store, StoreError};
use sqlx::PgPool;
use uuid::Uuid;

const MOMENT: Duration = Duration::from_millis(1);

/// Takes the lead as soon as it can be had.
async fn take(store: &Store) -> leadership::Epoch {
    let taking = async {
        loop {
            if let Some(epoch) = leadership::acquire(store, Uuid::new_v4(), LEASE).await.unwrap() {
                return epoch;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), taking).await.unwrap()
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn of_many_who_try_one_leads(pool: PgPool) {
    let store = Store::from_pool(pool);
    let tries = (0..8).map(|_| leadership::acquire(&store, Uuid::new_v4(), LEASE));
    let won = futures::future::join_all(tries).await;
    assert_eq!(won.into_iter().filter_map(Result::unwrap).count(), 1);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_leader_that_steps_down_is_followed_at_once(pool: PgPool) {
    let store = Store::from_pool(pool);
    let first = take(&store).await;
    assert_eq!(leadership::acquire(&store, Uuid::new_v4(), LEASE).await.unwrap(), None);
    leadership::release(&store, first).await.unwrap();
    let second = leadership::acquire(&store, Uuid::new_v4(), LEASE).await.unwrap().unwrap();
    assert!(second > first);
    // What the first one still sends changes nothing.
    leadership::release(&store, first).await.unwrap();
    assert_eq!(leadership::acquire(&store, Uuid::new_v4(), LEASE).await.unwrap(), None);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_leader_that_fell_silent_is_replaced_and_can_do_nothing_any_more(pool: PgPool) {
    let store = Store::from_pool(pool);
    let silent = leadership::acquire(&store, Uuid::new_v4(), MOMENT).await.unwrap().unwrap();
    let successor = take(&store).await;
    assert!(successor > silent);
    assert!(matches!(leadership::renew(&store, silent, LEASE).await, Err(StoreError::Fenced(_))));
    let mut tx = store.begin().await.unwrap();
    assert!(matches!(leadership::check(&mut tx, silent).await, Err(StoreError::Fenced(_))));
    leadership::check(&mut tx, successor).await.unwrap();
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_successor_waits_for_the_transaction_of_the_leader_before(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let old = leadership::acquire(&store, Uuid::new_v4(), MOMENT).await.unwrap().unwrap();
    let mut tx = store.begin().await.unwrap();
    leadership::check(&mut tx, old).await.unwrap();
    let successor = tokio::spawn({
        let store = store.clone();
        async move { take(&store).await }
    });
    let waiting = async {
        loop {
            let blocked: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(&pool)
            .await
            .unwrap();
            if blocked > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
    assert!(!successor.is_finished());
    tx.commit().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(20), successor).await.unwrap().unwrap() > old);
}
