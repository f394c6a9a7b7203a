//! What a rehearsal is measured from.

use chrono::{DateTime, TimeDelta, Utc};
use otaru_store::{Store, behaviour};
use sqlx::PgPool;

use super::{release_for_cars, vehicles};

fn start() -> DateTime<Utc> {
    "2026-03-01T08:00:00Z".parse().unwrap()
}

/// A campaign that has completed, with these vehicles in one wave.
async fn completed(pool: &PgPool, release: i64, policy: &str, from: i32, to: i32) -> i64 {
    sqlx::query_scalar(
        "WITH c AS (
             INSERT INTO campaigns (name, release_id, target, policy, state, state_by, state_at, deadline, salt, members,
                                    started_at, ended_at, created_at, created_by)
             VALUES ('c', $1, 'true', $2::jsonb, 'completed', 't', $3, $3, repeat('0', 32), 1, $3, $3, $3, 't') RETURNING id),
         a AS (INSERT INTO assignments (vehicle_id, campaign_id, wave, assigned_at, updated_at)
               SELECT v.id, c.id, 1, $3, $3 FROM vehicles v, c
                WHERE right(v.vin, 7)::int BETWEEN $4 AND $5)
         SELECT id FROM c",
    )
    .bind(release)
    .bind(policy)
    .bind(start())
    .bind(from)
    .bind(to)
    .fetch_one(pool)
    .await
    .unwrap()
}

/// What a vehicle reported, with the seconds after the opening of its wave.
async fn history(pool: &PgPool, campaign: i64, vehicle: i32, reports: &[(&str, &str, i64)]) {
    for (sequence, (origin, state, secs)) in (1_i64..).zip(reports) {
        sqlx::query(
            "INSERT INTO ack_history (vehicle_id, ack_id, campaign_id, attempt, sequence, origin, state, received_at)
             SELECT id, gen_random_uuid(), $1, 1, $3, $4, $5, $6 FROM vehicles WHERE right(vin, 7)::int = $2",
        )
        .bind(campaign)
        .bind(vehicle)
        .bind(sequence)
        .bind(origin)
        .bind(state)
        .bind(start() + TimeDelta::seconds(*secs))
        .execute(pool)
        .await
        .unwrap();
    }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_fleet_is_measured_from_completed_campaigns_of_its_models(pool: PgPool) {
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 5).await;
    let store = Store::from_pool(pool.clone());
    assert_eq!(behaviour::measure(&store, release).await.unwrap().source().campaigns, 0);

    let slow = completed(&pool, release, "{}", 1, 4).await;
    let offered = ("gateway", "offered", 600);
    history(&pool, slow, 1, &[offered, ("vehicle", "installed", 660)]).await;
    history(&pool, slow, 2, &[offered, ("vehicle", "failed", 660)]).await;
    // Of what it says twice, the last counts.
    history(&pool, slow, 3, &[offered, ("vehicle", "installed", 660), ("vehicle", "rolled_back", 700)]).await;
    let measured = behaviour::measure(&store, release).await.unwrap();
    let past = &measured.past()[0];
    assert_eq!((past.assignments, past.paced), (4, false));
    assert_eq!((past.offline.at(0.0), past.update.at(0.0)), (600.0, 60.0));
    assert_eq!((past.absent_ratio, past.silent_ratio, past.declined_ratio), (0.25, 0.0, 0.0));
    assert!((past.failed_ratio - 2.0 / 3.0).abs() < 1e-9);
    assert!((past.reports_mean - 4.0 / 3.0).abs() < 1e-9);

    // The time before a window is not the vehicle's.
    let windowed = completed(&pool, release, r#"{"windows": {"weekly": []}, "rate": {"per_minute": 1}}"#, 5, 5).await;
    let waited =
        [offered, ("vehicle", "downloaded", 700), ("vehicle", "installing", 9000), ("vehicle", "installed", 9050)];
    history(&pool, windowed, 5, &waited).await;
    assert_eq!(behaviour::measure(&store, release).await.unwrap().source().campaigns, 1, "its pace was limited");
    sqlx::query("DELETE FROM assignments WHERE campaign_id = $1").bind(slow).execute(&pool).await.unwrap();
    let measured = behaviour::measure(&store, release).await.unwrap();
    let past = &measured.past()[0];
    assert_eq!((past.assignments, past.paced, past.update.at(0.0)), (1, true, 150.0));
}
