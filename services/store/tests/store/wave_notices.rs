//! Who is told that a wave opened, and how often.

use otaru_domain::clock;
use otaru_domain::id::{ModelId, Vin};
use otaru_store::wave_notices::{claim, waiting};
use otaru_store::{Store, testing};
use sqlx::PgPool;

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_wave_is_told_once_and_only_to_those_who_wait(pool: PgPool) {
    let store = Store::from_pool(pool);
    let now = clock::now();
    let harbour = ModelId::parse("harbour").unwrap();
    testing::model(&store, "harbour", now).await.unwrap();
    testing::model(&store, "meadow", now).await.unwrap();
    let release = testing::release(&store, "r4", now).await.unwrap();
    let campaign = testing::campaign(&store, release, "salt", now).await.unwrap();
    let mut ids = Vec::new();
    for (number, model, wave) in
        [(1, "harbour", 1), (2, "harbour", 1), (3, "harbour", 1), (4, "harbour", 2), (5, "meadow", 1)]
    {
        let id = testing::vehicle(&store, &format!("WVWZZZ1KZAW00000{number}"), model, now).await.unwrap();
        testing::assign(&store, id, campaign, wave, now).await.unwrap();
        ids.push(id);
    }
    testing::set_assignment(&store, ids[1], campaign, 1, "downloading").await.unwrap();

    assert!(claim(&store, &harbour, campaign, 1, now).await.unwrap());
    assert!(!claim(&store, &harbour, campaign, 1, now).await.unwrap());
    assert!(claim(&store, &harbour, campaign, 2, now).await.unwrap());
    let first = waiting(&store, &harbour, campaign, 1, 0, 1).await.unwrap();
    assert_eq!(first, [(ids[0], Vin::parse("WVWZZZ1KZAW000001").unwrap())]);
    let second = waiting(&store, &harbour, campaign, 1, ids[0], 10).await.unwrap();
    assert_eq!(second, [(ids[2], Vin::parse("WVWZZZ1KZAW000003").unwrap())]);
}
