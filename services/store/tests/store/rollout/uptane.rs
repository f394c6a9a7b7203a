//! What a Director keeps of each vehicle: versions that only rise, and ECUs that are registered once.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::clock;
use otaru_domain::tuf::Key;
use otaru_domain::uptane::{Directed, DirectedEcu, EcuKey};
use otaru_store::uptane::{self as rows, NewEcu, Registered};
use otaru_store::{Store, testing};
use sqlx::PgPool;

async fn vehicle(pool: &PgPool, now: DateTime<Utc>) -> (Store, i64) {
    let store = Store::from_pool(pool.clone());
    testing::model(&store, "harbour", now).await.unwrap();
    let vehicle = testing::vehicle(&store, "WVWZZZ1KZAW000001", "harbour", now).await.unwrap();
    (store, vehicle)
}

async fn version(store: &Store, vehicle: i64, said: u8, now: DateTime<Utc>) -> u64 {
    rows::stamp(store, vehicle, [said; 32], None, false, now).await.unwrap().version
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_version_stays_while_the_same_is_said_and_rises_with_everything_else(pool: PgPool) {
    let now = clock::now();
    let (store, vehicle) = vehicle(&pool, now).await;
    let first = rows::stamp(&store, vehicle, [1; 32], None, false, now).await.unwrap();
    assert_eq!(rows::stamp(&store, vehicle, [1; 32], None, false, now + TimeDelta::hours(11)).await.unwrap(), first);
    let renewed = rows::stamp(&store, vehicle, [1; 32], None, false, now + TimeDelta::hours(13)).await.unwrap();
    assert!(renewed.version > first.version && renewed.expires > first.expires);
    let other = version(&store, vehicle, 2, now).await;
    assert!(other > renewed.version);
    assert!(version(&store, vehicle, 1, now).await > other, "said again after something else, it is new");
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_set_that_was_begun_is_known_to_every_director_for_a_moment_and_until_another_is_said(pool: PgPool) {
    let now = clock::now();
    let (store, vehicle) = vehicle(&pool, now).await;
    assert_eq!(rows::begun(&store, vehicle, now).await.unwrap(), None);
    let alone = rows::stamp(&store, vehicle, [1; 32], None, false, now).await.unwrap();
    assert_eq!(rows::begun(&store, vehicle, now).await.unwrap(), None, "nobody has its timestamp");
    let stamp = rows::stamp(&store, vehicle, [1; 32], None, true, now).await.unwrap();
    assert_eq!(stamp, alone, "a read changes no version");
    let begun = rows::begun(&store, vehicle, now + TimeDelta::seconds(9)).await.unwrap();
    assert_eq!(begun, Some(rows::Begun { digest: [1; 32], stamp }));
    assert_eq!(rows::begun(&store, vehicle, now + TimeDelta::seconds(11)).await.unwrap(), None);
    rows::stamp(&store, vehicle, [2; 32], None, false, now).await.unwrap();
    assert_eq!(rows::begun(&store, vehicle, now).await.unwrap(), None, "no timestamp stands for this");
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn directors_that_ask_at_once_get_versions_of_their_own(pool: PgPool) {
    let now = clock::now();
    let (store, vehicle) = vehicle(&pool, now).await;
    let asked = (1..=16).map(|said| {
        let store = store.clone();
        tokio::spawn(async move { version(&store, vehicle, said, now).await })
    });
    let mut versions = BTreeSet::new();
    for asked in asked.collect::<Vec<_>>() {
        assert!(versions.insert(asked.await.unwrap()));
    }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_database_that_was_set_up_anew_gives_out_no_version_again(pool: PgPool) {
    let now = clock::now();
    let (store, vehicle) = vehicle(&pool, now).await;
    let before = version(&store, vehicle, 1, now).await;
    sqlx::query("DELETE FROM uptane_directions").execute(&pool).await.unwrap();
    let after = version(&store, vehicle, 1, now + TimeDelta::seconds(1)).await;
    assert!(after > before && after < 1 << 31, "aktualizr reads 31 bits: {after}");
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn what_a_vehicle_was_directed_to_is_remembered_until_it_ends(pool: PgPool) {
    let now = clock::now();
    let (store, vehicle) = vehicle(&pool, now).await;
    let ecu = DirectedEcu { serial: "a".parse().unwrap(), name: "a.bin".into(), length: 1, sha256: "ab".repeat(32) };
    let directed = Directed { campaign: 7, attempt: 1, ecus: vec![ecu] };
    rows::stamp(&store, vehicle, [1; 32], Some(&directed), false, now).await.unwrap();
    rows::stamp(&store, vehicle, [2; 32], None, false, now).await.unwrap();
    let told = rows::told(&store, vehicle).await.unwrap().unwrap();
    assert_eq!(told.directed.as_ref(), Some(&directed), "nothing to do now says nothing of what was");
    let mut tx = store.begin().await.unwrap();
    rows::end(&mut tx, vehicle, &Directed { attempt: 2, ..directed.clone() }).await.unwrap();
    rows::end(&mut tx, vehicle, &directed).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(rows::told(&store, vehicle).await.unwrap().unwrap().directed, None);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn of_two_registrations_at_once_one_holds(pool: PgPool) {
    let now = clock::now();
    let (store, vehicle) = vehicle(&pool, now).await;
    let ecu = || {
        let public = Key::generate().unwrap().public().keyval.public.clone();
        let key = EcuKey::parse("ed25519", &public).unwrap();
        NewEcu { serial: "primary".parse().unwrap(), hardware_id: "GW".parse().unwrap(), is_primary: true, key }
    };
    let register = |ecu: NewEcu| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let registered = rows::register(&mut tx, vehicle, &[ecu], now).await.unwrap();
            tx.commit().await.unwrap();
            registered
        })
    };
    let (one, other) = (register(ecu()), register(ecu()));
    let mut both = [one.await.unwrap(), other.await.unwrap()];
    both.sort_by_key(|registered| *registered == Registered::Refused);
    assert_eq!(both, [Registered::Now, Registered::Refused]);
    assert_eq!(rows::ecus(&store, vehicle).await.unwrap().len(), 1);
}
