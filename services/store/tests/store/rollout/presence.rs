//! Who is online is counted while it changes, by any number of gateways at once.

use otaru_domain::id::ModelId;
use otaru_store::presence::{self, Heard};
use otaru_store::{testing, vehicles as registry};
use sqlx::PgPool;

use super::*;

const CAR: &str = "WVWZZZ1KZAW000001";

fn heard(vehicle: i64, at: DateTime<Utc>) -> Heard {
    Heard { vehicle, at, lasts: TimeDelta::minutes(15) }
}

async fn online(store: &Store, model: &str, now: DateTime<Utc>) -> u64 {
    let online = presence::online(store, now).await.unwrap();
    online.by_model.get(&ModelId::parse(model).unwrap()).copied().unwrap_or(0)
}

/// The same, vehicle by vehicle.
async fn recount(store: &Store, model: &str, now: DateTime<Utc>) -> u64 {
    let filter = registry::Filter { model: Some(ModelId::parse(model).unwrap()), ..registry::Filter::default() };
    let vehicles = registry::list(store, &filter, None, 10_000).await.unwrap();
    vehicles.iter().filter(|one| one.online_until.is_some_and(|until| until > now)).count() as u64
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_vehicle_is_online_for_its_time_after_it_was_last_heard_by_anybody(pool: PgPool) {
    release_for_cars(&pool).await;
    let store = Store::from_pool(pool);
    // Just after a whole step, so that nothing is rounded away by chance.
    let start = DateTime::from_timestamp(1_800_000_001, 0).unwrap();
    let car = testing::vehicle(&store, CAR, "car", start).await.unwrap();
    let van = testing::vehicle(&store, "WVWZZZ1KZAW000002", "van", start).await.unwrap();
    let after = |minutes| start + TimeDelta::minutes(minutes);
    assert_eq!(presence::online(&store, start).await.unwrap().as_of, None);

    // Twice in a batch, and a vehicle that there is not.
    let batch = [heard(car, start), heard(van, start), heard(car, start), heard(987_654_321, start)];
    presence::note(&store, &batch, start).await.unwrap();
    assert_eq!((online(&store, "car", start).await, online(&store, "van", start).await), (1, 1));
    presence::note(&store, &[heard(car, after(10))], after(10)).await.unwrap();
    // Late from another gateway: it takes nothing away.
    presence::note(&store, &[heard(car, after(5))], after(10)).await.unwrap();
    for (minutes, cars, vans) in [(14, 1, 1), (16, 1, 0), (24, 1, 0), (26, 0, 0)] {
        let now = after(minutes);
        assert_eq!((online(&store, "car", now).await, online(&store, "van", now).await), (cars, vans), "{minutes}");
        assert_eq!((recount(&store, "car", now).await, recount(&store, "van", now).await), (cars, vans), "{minutes}");
    }
    let told = registry::get(&store, &CAR.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(told.heard_at, Some(after(10)));
    assert_eq!(presence::online(&store, after(30)).await.unwrap().as_of, Some(after(10)));

    // Back after its time was over and its counter swept away.
    presence::sweep(&store, after(300)).await.unwrap();
    presence::note(&store, &[heard(car, after(300))], after(300)).await.unwrap();
    assert_eq!(online(&store, "car", after(300)).await, 1);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn whoever_leaves_the_fleet_is_not_online_and_stays_so(pool: PgPool) {
    release_for_cars(&pool).await;
    let store = Store::from_pool(pool);
    let now = clock::now();
    let car = testing::vehicle(&store, CAR, "car", now).await.unwrap();
    presence::note(&store, &[heard(car, now)], now).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    registry::retire(&mut tx, car, now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((online(&store, "car", now).await, recount(&store, "car", now).await), (0, 0));
    // A gateway that has not heard of it yet.
    presence::note(&store, &[heard(car, now)], now).await.unwrap();
    assert_eq!((online(&store, "car", now).await, recount(&store, "car", now).await), (0, 0));
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn gateways_that_write_at_once_count_what_one_would(pool: PgPool) {
    release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 60).await;
    let store = Store::from_pool(pool.clone());
    let ids: Vec<i64> = sqlx::query_scalar("SELECT id FROM vehicles ORDER BY id").fetch_all(&pool).await.unwrap();
    let now = clock::now();
    let gateway = |number: usize| {
        let (store, ids) = (store.clone(), ids.clone());
        tokio::spawn(async move {
            for round in 0..10 {
                // Each in another order, and with other times.
                let at = |at: usize| now + TimeDelta::seconds(((at * 37 + round * 101 + number * 53) % 900) as i64);
                let mut batch: Vec<Heard> = (0..60)
                    .filter(|one| !(one + round + number).is_multiple_of(3))
                    .map(|one| heard(ids[one], at(one)))
                    .collect();
                if number.is_multiple_of(2) {
                    batch.reverse();
                }
                presence::note(&store, &batch, now).await.unwrap();
            }
        })
    };
    for done in [0, 1, 2, 3].map(gateway) {
        done.await.unwrap();
    }
    for minutes in [0, 16, 20, 25, 29, 31] {
        let then = now + TimeDelta::minutes(minutes);
        assert_eq!(online(&store, "car", then).await, recount(&store, "car", then).await, "{minutes}");
    }
    assert_eq!(online(&store, "car", now).await, 60);
}
