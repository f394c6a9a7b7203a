use std::collections::BTreeMap;

use otaru_domain::clock;
use otaru_domain::id::Vin;
use otaru_domain::membership::rank;
use otaru_domain::rollout::{Membership, WavePlan, wave_ends};
use otaru_domain::target::Target;
use otaru_store::campaigns::Needs;
use otaru_store::waves::Prospect;
use otaru_store::{Store, progress, waves};
use sqlx::PgPool;

use super::{draft, freeze, plan, release_for_cars, vehicles};

type Member = (String, i64, i32);

async fn members(pool: &PgPool, campaign: i64) -> Vec<Member> {
    sqlx::query_as(
        "SELECT v.vin, m.rank, m.wave FROM campaign_members m JOIN vehicles v ON v.id = m.vehicle_id
         WHERE m.campaign_id = $1 ORDER BY v.vin",
    )
    .bind(campaign)
    .fetch_all(pool)
    .await
    .unwrap()
}

async fn wave_rows(pool: &PgPool, campaign: i64) -> Vec<(i64, i64)> {
    sqlx::query_as("SELECT size, cutoff FROM campaign_waves WHERE campaign_id = $1 ORDER BY number")
        .bind(campaign)
        .fetch_all(pool)
        .await
        .unwrap()
}

fn prospect<'a>(release: i64, salt: &'a str, target: &'a Target, plan: &'a [WavePlan]) -> Prospect<'a> {
    Prospect { release, salt, target, plan, membership: Membership::Snapshot, needs: Needs::default() }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn membership_is_what_a_vehicle_works_out_for_itself(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 700).await;
    let shares = [0.05, 0.25, 0.7];
    let campaign = draft(&store, release, "true", "salt", &shares).await;
    let frozen = freeze(&store, &campaign, &shares, clock::now()).await.unwrap();
    assert_eq!((frozen.members, frozen.models[0].as_str()), (700, "car"));

    let rows = wave_rows(&pool, campaign.id).await;
    let cutoffs: Vec<i64> = rows.iter().map(|(_, cutoff)| *cutoff).collect();
    let mut sizes: BTreeMap<i32, i64> = BTreeMap::new();
    for (vin, stored, wave) in members(&pool, campaign.id).await {
        let own = i64::try_from(rank("salt", &Vin::parse(&vin).unwrap())).unwrap();
        assert_eq!(stored, own, "{vin}");
        // As CampaignDocument::wave_of finds it.
        let by_document = cutoffs.iter().position(|cutoff| own <= *cutoff).unwrap();
        assert_eq!(usize::try_from(wave).unwrap(), by_document + 1, "{vin}");
        *sizes.entry(wave).or_default() += 1;
    }
    assert_eq!(sizes.into_values().collect::<Vec<_>>(), [35, 175, 490]);
    assert_eq!(rows.iter().map(|(size, _)| *size).collect::<Vec<_>>(), [35, 175, 490]);
    assert_eq!(wave_ends(&plan(&shares), 700), [35, 210, 700]);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn the_same_salt_gives_the_same_waves_and_another_salt_others(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 200).await;
    let mut all = Vec::new();
    for salt in ["a", "a", "b"] {
        let campaign = draft(&store, release, "true", salt, &[0.5, 0.5]).await;
        freeze(&store, &campaign, &[0.5, 0.5], clock::now()).await.unwrap();
        all.push(members(&pool, campaign.id).await);
    }
    assert_eq!(all[0], all[1]);
    assert_ne!(all[0], all[2]);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn only_vehicles_in_service_of_the_releases_models_that_match_are_members(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 100).await;
    vehicles(&pool, "van", 101, 200).await;
    sqlx::raw_sql("UPDATE vehicles SET retired_at = now() WHERE vin LIKE '%0000050'").execute(&pool).await.unwrap();
    let target = r#""beta" in tags"#;
    let campaign = draft(&store, release, target, "s", &[1.0]).await;
    let parsed = Target::parse(target).unwrap();
    let preview =
        waves::preview(&store, prospect(release, "s", &parsed, &plan(&[0.5, 0.5])), 3, clock::now()).await.unwrap();
    let sizes: Vec<(u64, usize)> = preview.waves.iter().map(|wave| (wave.size, wave.sample.len())).collect();
    assert_eq!((preview.matching, sizes), (9, vec![(5, 3), (4, 3)]));
    assert_eq!(freeze(&store, &campaign, &[1.0], clock::now()).await.unwrap().members, 9);
    let vins: Vec<String> = members(&pool, campaign.id).await.into_iter().map(|(vin, _, _)| vin).collect();
    assert!(vins.iter().all(|vin| vin.ends_with('0') && !vin.ends_with("0000050")), "{vins:?}");
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_preview_names_the_vehicles_that_the_start_puts_into_each_wave(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 200).await;
    let beta = WavePlan { expression: Some(r#""beta" in tags"#.into()), ..WavePlan::default() };
    let vin: String =
        sqlx::query_scalar("SELECT vin FROM vehicles WHERE vin LIKE '%0000007'").fetch_one(&pool).await.unwrap();
    let one = WavePlan { vins: Some(vec![otaru_domain::id::Vin::parse(&vin).unwrap()]), ..WavePlan::default() };
    let count = WavePlan { count: Some(13), ..WavePlan::default() };
    let plan = vec![one, WavePlan::share(0.1, 0.0), beta, count, WavePlan::default()];
    let target = Target::parse("true").unwrap();
    let preview = waves::preview(&store, prospect(release, "salt", &target, &plan), 1000, clock::now()).await.unwrap();
    let mut campaign = draft(&store, release, "true", "salt", &[0.1, 0.2, 0.3, 0.2, 0.2]).await;
    campaign.target = "true".into();
    let mut tx = store.begin().await.unwrap();
    waves::freeze(&mut tx, &campaign, &plan, &target, clock::now()).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    // 20 of 200 are in the beta, one is listed by hand: 10 % of the other 179, then 13, then the rest.
    let sizes: Vec<u64> = preview.waves.iter().map(|wave| wave.size).collect();
    assert_eq!(sizes, [1, 18, 20, 13, 148]);
    let mut expected: Vec<(String, i32)> = (1..)
        .zip(&preview.waves)
        .flat_map(|(number, wave)| wave.sample.iter().map(move |vin| (vin.clone(), number)))
        .collect();
    expected.sort();
    let mut members: Vec<(String, i32)> =
        members(&pool, campaign.id).await.into_iter().map(|(vin, _, wave)| (vin, wave)).collect();
    members.sort();
    assert_eq!(members, expected);
    let cutoffs: Vec<Option<i64>> =
        sqlx::query_scalar("SELECT cutoff FROM campaign_waves WHERE campaign_id = $1 ORDER BY number")
            .bind(campaign.id)
            .fetch_all(&pool)
            .await
            .unwrap();
    assert!(cutoffs[0].is_none() && cutoffs[2].is_none(), "{cutoffs:?}");
    assert!(cutoffs[1] < cutoffs[3] && cutoffs[3] < cutoffs[4], "{cutoffs:?}");
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn an_expression_that_matches_nothing_writes_nothing(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "van", 1, 10).await;
    let campaign = draft(&store, release, "true", "s", &[1.0]).await;
    assert_eq!(freeze(&store, &campaign, &[1.0], clock::now()).await, None);
    assert!(members(&pool, campaign.id).await.is_empty());
    let started: Option<i64> = sqlx::query_scalar("SELECT members FROM campaigns").fetch_one(&pool).await.unwrap();
    assert_eq!(started, None);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn waves_that_are_too_small_for_a_vehicle_are_empty_and_the_rest_is_exact(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 3).await;
    let shares = [1e-9, 0.1, 0.1, 0.8 - 1e-9];
    let campaign = draft(&store, release, "true", "s", &shares).await;
    freeze(&store, &campaign, &shares, clock::now()).await.unwrap();
    let rows = wave_rows(&pool, campaign.id).await;
    assert_eq!(rows.iter().map(|(size, _)| *size).collect::<Vec<_>>(), [1, 0, 0, 2]);
    for (vin, rank, wave) in members(&pool, campaign.id).await {
        let by_document = rows.iter().position(|(_, cutoff)| rank <= *cutoff).unwrap();
        assert_eq!(usize::try_from(wave).unwrap(), by_document + 1, "{vin}");
    }
}

async fn open(store: &Store, campaign: i64, wave: u32, chunk: i64) -> u64 {
    let (mut after, mut inserted) = (0, 0);
    loop {
        let mut tx = store.begin().await.unwrap();
        let next = waves::assign_chunk(&mut tx, campaign, wave, after, chunk, clock::now()).await.unwrap();
        tx.commit().await.unwrap();
        let Some(next) = next else { break };
        after = next.last;
        inserted += next.inserted;
    }
    inserted
}

async fn counted(pool: &PgPool, campaign: i64) -> Vec<(i32, String, i64)> {
    sqlx::query_as(
        "SELECT wave, state, sum(vehicles)::bigint FROM assignment_counters WHERE campaign_id = $1
         GROUP BY wave, state ORDER BY wave, state",
    )
    .bind(campaign)
    .fetch_all(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn opening_a_wave_twice_inserts_and_counts_nothing_twice(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 100).await;
    let campaign = draft(&store, release, "true", "s", &[0.4, 0.6]).await;
    freeze(&store, &campaign, &[0.4, 0.6], clock::now()).await.unwrap();
    // Cut off after the first chunk, then done again with chunks of another size.
    let mut tx = store.begin().await.unwrap();
    let first = waves::assign_chunk(&mut tx, campaign.id, 1, 0, 7, clock::now()).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!(first.inserted, 7);
    assert_eq!(open(&store, campaign.id, 1, 9).await, 33);
    assert_eq!(open(&store, campaign.id, 1, 100).await, 0);
    assert_eq!(counted(&pool, campaign.id).await, [(1, "assigned".to_owned(), 40)]);
    let recount = progress::recount(&store, campaign.id).await.unwrap();
    assert_eq!(recount[&1].values().sum::<u64>(), 40);

    let mut tx = store.begin().await.unwrap();
    assert!(waves::mark_open(&mut tx, campaign.id, 1, clock::now()).await.unwrap());
    assert!(!waves::mark_open(&mut tx, campaign.id, 1, clock::now()).await.unwrap());
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_sweep_finds_each_vehicle_that_has_not_ended_once(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 50).await;
    let campaign = draft(&store, release, "true", "s", &[1.0]).await;
    freeze(&store, &campaign, &[1.0], clock::now()).await.unwrap();
    open(&store, campaign.id, 1, 100).await;
    sqlx::raw_sql(
        "UPDATE assignments SET state = CASE vehicle_id % 5 WHEN 0 THEN 'installed' WHEN 1 THEN 'failed'
            WHEN 2 THEN 'downloading' WHEN 3 THEN 'timed_out' ELSE 'assigned' END",
    )
    .execute(&pool)
    .await
    .unwrap();
    let (mut after, mut left) = (0, Vec::new());
    let mut tx = store.begin().await.unwrap();
    while let Some(chunk) = waves::sweep_chunk(&mut tx, campaign.id, after, 8).await.unwrap() {
        after = chunk.last;
        left.extend(chunk.left.into_iter().map(|left| left.vin.to_string()));
    }
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT v.vin FROM assignments a JOIN vehicles v ON v.id = a.vehicle_id
         WHERE a.state IN ('downloading', 'assigned') ORDER BY a.vehicle_id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(left, open);
    assert_eq!(left.len(), 20);
}
