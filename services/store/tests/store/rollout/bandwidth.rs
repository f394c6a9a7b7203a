//! Caps on bandwidth are shared out among gateways.

use otaru_domain::id::ModelId;
use otaru_store::bandwidth::{self, Scope};
use otaru_store::testing;
use sqlx::PgPool;
use uuid::Uuid;

use super::*;

fn car() -> Scope {
    Scope::Model(ModelId::parse("car").unwrap())
}

async fn stage(pool: &PgPool, cap: Option<u64>) -> Store {
    release_for_cars(pool).await;
    let store = Store::from_pool(pool.clone());
    let mut tx = store.begin().await.unwrap();
    assert!(bandwidth::set_model_cap(&mut tx, "car", cap).await.unwrap());
    tx.commit().await.unwrap();
    store
}

async fn granted(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT coalesce(sum(bytes_per_sec), 0)::bigint FROM bandwidth_leases WHERE expires_at > clock_timestamp()",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn each_gateway_gets_what_is_due_to_its_downloads_and_only_what_is_free(pool: PgPool) {
    let store = stage(&pool, Some(1_000)).await;
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    let lease = async |gateway, downloads| bandwidth::lease(&store, gateway, &car(), downloads).await.unwrap();
    assert_eq!(lease(one, 3).await, Some(1_000));
    assert_eq!(lease(two, 1).await, Some(0), "the other one has it all until it asks again");
    assert_eq!(lease(one, 3).await, Some(750));
    assert_eq!(lease(two, 1).await, Some(250));
    // Whoever has no downloads left keeps nothing.
    assert_eq!(lease(one, 0).await, Some(0));
    assert_eq!(lease(two, 1).await, Some(1_000));
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn all_shares_together_are_never_above_the_cap_whoever_asks_at_once(pool: PgPool) {
    let store = stage(&pool, Some(1_000)).await;
    let ask = |number: u64| {
        let (store, pool) = (store.clone(), pool.clone());
        tokio::spawn(async move {
            let gateway = Uuid::new_v4();
            for round in 0..10 {
                bandwidth::lease(&store, gateway, &car(), (number * 7 + round * 3) % 11).await.unwrap();
                let granted = granted(&pool).await;
                assert!(granted <= 1_000, "{granted}");
            }
        })
    };
    for asked in (0..6).map(ask).collect::<Vec<_>>() {
        asked.await.unwrap();
    }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn the_share_of_a_gateway_that_is_gone_is_free_when_its_lease_is_over(pool: PgPool) {
    let store = stage(&pool, Some(1_000)).await;
    let lease = async |gateway| bandwidth::lease(&store, gateway, &car(), 1).await.unwrap();
    assert_eq!(lease(Uuid::new_v4()).await, Some(1_000));
    let other = Uuid::new_v4();
    assert_eq!(lease(other).await, Some(0));
    sqlx::raw_sql(
        "UPDATE bandwidth_leases SET expires_at = clock_timestamp() - interval '1 second' WHERE bytes_per_sec > 0",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(lease(other).await, Some(1_000));
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_campaigns_cap_holds_from_its_start_to_its_end(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    let campaign = draft(&store, release, "true", "s", &[1.0]).await.id;
    let policy = Policy { max_bytes_per_sec: Some(500), ..Policy::default() };
    testing::set_policy(&store, campaign, &policy).await.unwrap();
    let scope = Scope::Campaign(campaign);
    for (state, cap) in [("draft", None), ("running", Some(500)), ("paused", Some(500)), ("halted", Some(500))] {
        testing::set_campaign_state(&store, campaign, state).await.unwrap();
        assert_eq!(bandwidth::lease(&store, Uuid::nil(), &scope, 1).await.unwrap(), cap, "{state}");
        let expected: Vec<_> = cap.map(|cap| (scope.clone(), cap)).into_iter().collect();
        assert_eq!(bandwidth::caps(&store).await.unwrap(), expected, "{state}");
    }
    let mut tx = store.begin().await.unwrap();
    assert!(bandwidth::set_model_cap(&mut tx, "van", Some(900)).await.unwrap());
    assert!(!bandwidth::set_model_cap(&mut tx, "tram", Some(900)).await.unwrap());
    tx.commit().await.unwrap();
    let van = Scope::Model(ModelId::parse("van").unwrap());
    assert_eq!(bandwidth::caps(&store).await.unwrap(), [(van, 900), (scope, 500)]);
    assert_eq!(bandwidth::lease(&store, Uuid::nil(), &car(), 1).await.unwrap(), None, "no cap");
}
