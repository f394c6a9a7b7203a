//! Offer slots are counted over all gateways.

use otaru_domain::clock::now;
use otaru_domain::rollout::{Adapt, PaceReason, Rate};
use otaru_store::Store;
use otaru_store::pace::{self, Pace};
use otaru_store::slots::{self, Block, NoSlots};
use otaru_store::testing;
use sqlx::PgPool;
use uuid::Uuid;

use super::*;

struct Stage {
    store: Store,
    pool: PgPool,
    campaign: i64,
}

/// A campaign that runs with this policy.
async fn stage(pool: PgPool, policy: Policy) -> Stage {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    let campaign = draft(&store, release, "true", "s", &[1.0]).await.id;
    testing::set_campaign_state(&store, campaign, "running").await.unwrap();
    sqlx::query("UPDATE campaigns SET policy = $1").bind(sqlx::types::Json(policy)).execute(&pool).await.unwrap();
    testing::lead_and_keep_up(&store).await.unwrap();
    Stage { store, pool, campaign }
}

impl Stage {
    async fn take(&self, want: u64, unspent: Option<Block>) -> Result<Block, NoSlots> {
        slots::take(&self.store, Uuid::new_v4(), self.campaign, want, unspent).await.unwrap()
    }

    async fn sql(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.pool).await.unwrap();
    }
}

fn in_flight(most: u64) -> Policy {
    Policy { max_in_flight: Some(most), ..Policy::default() }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn all_gateways_together_get_no_more_slots_than_may_be_under_way(pool: PgPool) {
    let stage = stage(pool, in_flight(10)).await;
    stage.sql("INSERT INTO assignment_counters VALUES (1, 1, 'downloading', 0, 3), (1, 1, 'installed', 0, 50)").await;
    assert_eq!(stage.take(4, None).await.unwrap().slots, 4);
    let second = stage.take(8, None).await.unwrap();
    assert_eq!(second.slots, 3, "3 under way and 4 of the other block leave 3");
    assert_eq!(stage.take(1, None).await, Err(NoSlots::InFlight));
    // What was not used is there for others.
    let unspent = Block { slots: 2, ..second };
    assert_eq!(stage.take(5, Some(unspent)).await.unwrap().slots, 2);
    assert_eq!(stage.take(5, Some(Block { slots: 2, ..unspent })).await, Err(NoSlots::InFlight), "given back twice");
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn gateways_that_ask_at_once_do_not_get_the_same_slots(pool: PgPool) {
    let stage = stage(pool, in_flight(25)).await;
    let all = futures::future::join_all((0..20).map(|_| stage.take(3, None))).await;
    assert_eq!(all.iter().filter_map(|taken| taken.as_ref().ok()).map(|block| block.slots).sum::<u64>(), 25);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_block_counts_until_the_counters_know_its_offers(pool: PgPool) {
    let stage = stage(pool, in_flight(4)).await;
    assert_eq!(stage.take(4, None).await.unwrap().slots, 4);
    // It is over, but reports from its time may still wait.
    stage
        .sql(
            "UPDATE offer_leases SET expires_at = now() - interval '10 s';
               UPDATE consumer_offsets SET high_offset = 5, behind_since = now() - interval '11 s'",
        )
        .await;
    assert_eq!(stage.take(4, None).await, Err(NoSlots::InFlight));
    stage.sql("UPDATE consumer_offsets SET behind_since = now() - interval '8 s'").await;
    assert_eq!(stage.take(4, None).await.unwrap().slots, 4);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn the_rate_is_kept_over_all_gateways_and_what_is_unused_comes_back(pool: PgPool) {
    let rate = Some(Rate { per_minute: 600, adapt: None });
    let stage = stage(pool, Policy { rate, ..Policy::default() }).await;
    stage
        .sql("INSERT INTO campaign_pace (campaign_id, tokens, refilled_at) VALUES (1, 0, now() - interval '1 hour')")
        .await;
    let block = stage.take(100, None).await.unwrap();
    assert_eq!(block.slots, 10, "after a pause there is a second's worth, not an hour's");
    stage.sql("UPDATE campaign_pace SET refilled_at = now() + interval '1 hour'").await;
    assert_eq!(stage.take(1, None).await, Err(NoSlots::Rate));
    assert_eq!(stage.take(100, Some(Block { slots: 7, ..block })).await.unwrap().slots, 7);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn without_an_engine_an_ingest_or_a_running_campaign_there_are_none(pool: PgPool) {
    let stage = stage(pool, Policy::default()).await;
    assert_eq!(stage.take(100, None).await.unwrap().slots, 100);
    stage.sql("UPDATE leadership SET expires_at = now() - interval '1 s'").await;
    assert_eq!(stage.take(1, None).await, Err(NoSlots::NoEngine));
    testing::lead_and_keep_up(&stage.store).await.unwrap();
    stage.sql("UPDATE consumer_offsets SET high_offset = 9, behind_since = now() - interval '31 s'").await;
    assert_eq!(stage.take(1, None).await, Err(NoSlots::Behind));
    stage.sql("UPDATE consumer_offsets SET high_offset = 0, seen_at = now() - interval '31 s'").await;
    assert_eq!(stage.take(1, None).await, Err(NoSlots::Behind), "nobody reads the acknowledgements");
    stage.sql("DELETE FROM consumer_offsets").await;
    assert_eq!(stage.take(1, None).await, Err(NoSlots::Behind));
    testing::lead_and_keep_up(&stage.store).await.unwrap();
    stage.sql("INSERT INTO emergency_stop (reason, stopped_at, stopped_by) VALUES ('smoke', now(), 'me')").await;
    assert_eq!(stage.take(1, None).await, Err(NoSlots::Stopped));
    stage.sql("DELETE FROM emergency_stop; UPDATE campaigns SET closing = 'timed_out'").await;
    assert_eq!(stage.take(1, None).await, Err(NoSlots::NotRunning));
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_rate_that_adapts_is_the_one_that_was_set_last(pool: PgPool) {
    let adapt = Some(Adapt { min_per_minute: 60, max_per_minute: 60_000, failed_ratio: 0.02 });
    let rate = Some(Rate { per_minute: 6_000, adapt });
    let stage = stage(pool, Policy { rate, ..Policy::default() }).await;
    let pace = Pace { per_minute: 600, adapted_at: now(), reason: PaceReason::Quiet, seen: (0, 0) };
    let mut tx = stage.store.begin().await.unwrap();
    pace::set(&mut tx, stage.campaign, &pace).await.unwrap();
    tx.commit().await.unwrap();
    stage.sql("UPDATE campaign_pace SET refilled_at = clock_timestamp() - interval '1 minute'").await;
    assert_eq!(stage.take(1_000, None).await.unwrap().slots, 10, "a second's worth of 600 a minute");
}
