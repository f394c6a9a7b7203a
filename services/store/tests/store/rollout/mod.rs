//! What the rollout engine relies on: the outbox keeps its order, one process leads, and membership and waves
//! are exact. Each test has a database of its own.

mod bandwidth;
mod behaviour;
mod leadership;
mod outbox;
mod presence;
mod slots;
mod standing;
mod uptane;
mod waves;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::clock;
use otaru_domain::rollout::{Policy, WavePlan};
use otaru_domain::target::Target;
use otaru_store::Store;
use otaru_store::campaigns::{self, Campaign, NewCampaign, Settings};
use otaru_store::waves::Frozen;
use sqlx::PgPool;

/// The models `car` and `van`, and a locked release for `car`.
async fn release_for_cars(pool: &PgPool) -> i64 {
    sqlx::raw_sql(
        "INSERT INTO models (id, name, created_at, created_by) VALUES ('car', 'Car', now(), 't'), ('van', 'Van', now(), 't')",
    )
    .execute(pool)
    .await
    .unwrap();
    sqlx::query_scalar(
        "WITH r AS (INSERT INTO releases (name, version, state, release_counter, created_at, created_by, locked_at)
                    VALUES ('r', '1', 'locked', 1, now(), 't', now()) RETURNING id)
         INSERT INTO release_models SELECT id, 'car' FROM r RETURNING release_id",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

/// Vehicles of `model` with the numbers `from` to `to`; every tenth has the tag `beta`.
async fn vehicles(pool: &PgPool, model: &str, from: i32, to: i32) {
    sqlx::query(
        "INSERT INTO vehicles (vin, model_id, tags, created_at, updated_at)
         SELECT 'WVWZZZ1KZA' || lpad(n::text, 7, '0'), $1,
                CASE WHEN n % 10 = 0 THEN ARRAY['beta'] ELSE '{}' END, now(), now()
         FROM generate_series($2, $3) AS n",
    )
    .bind(model)
    .bind(from)
    .bind(to)
    .execute(pool)
    .await
    .unwrap();
}

fn plan(shares: &[f64]) -> Vec<WavePlan> {
    shares.iter().map(|share| WavePlan::share(*share, 0.9)).collect()
}

/// A draft.
async fn draft(store: &Store, release: i64, target: &str, salt: &str, shares: &[f64]) -> Campaign {
    let now = clock::now();
    let settings = Settings {
        name: "c".into(),
        target: target.into(),
        precondition: None,
        policy: Policy::default(),
        priority: 0,
        start_at: None,
        deadline: now + TimeDelta::days(1),
        waves: plan(shares),
    };
    let new = NewCampaign { release, salt: salt.into(), settings };
    let mut tx = store.begin().await.unwrap();
    let id = campaigns::create(&mut tx, &new, "t", now).await.unwrap();
    let campaign = campaigns::lock(&mut tx, id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    campaign
}

/// Freezes the membership of a draft, as its start does.
async fn freeze(store: &Store, campaign: &Campaign, shares: &[f64], now: DateTime<Utc>) -> Option<Frozen> {
    let mut tx = store.begin().await.unwrap();
    let target = Target::parse(&campaign.target).unwrap();
    let frozen = otaru_store::waves::freeze(&mut tx, campaign, &plan(shares), &target, now).await.unwrap().ok();
    tx.commit().await.unwrap();
    frozen
}
