use chrono::TimeDelta;
use otaru_domain::assignment::AssignmentState;
use otaru_domain::campaign::CampaignState;
use otaru_domain::clock;
use otaru_store::progress::Filter;
use otaru_store::{Store, campaigns, fleet, progress, waves};
use sqlx::PgPool;

use super::{draft, freeze, release_for_cars, vehicles};

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_campaign_stands_as_its_row_its_waves_and_the_sum_of_its_counters_say(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 10).await;
    let shares = [0.3, 0.7];
    let campaign = draft(&store, release, "true", "s", &shares).await;
    let now = clock::now();
    freeze(&store, &campaign, &shares, now).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    campaigns::set_state(&mut tx, campaign.id, CampaignState::Running, "ada", Some("go"), now).await.unwrap();
    waves::assign_chunk(&mut tx, campaign.id, 1, 0, 100, now).await.unwrap();
    waves::mark_open(&mut tx, campaign.id, 1, now).await.unwrap();
    tx.commit().await.unwrap();
    // What the ingest of two partitions does; one of them may well be negative.
    sqlx::raw_sql(
        "INSERT INTO assignment_counters VALUES (1, 1, 'assigned', 0, -2), (1, 1, 'installed', 0, 3), (1, 1, 'installed', 1, -1),
                                                (1, 1, 'offered', 0, 4), (1, 1, 'offered', 1, -4)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let standing = campaigns::standing(&store, campaign.id).await.unwrap().unwrap();
    assert_eq!(standing.campaign.state, CampaignState::Running);
    assert_eq!((standing.campaign.state_by.as_str(), standing.campaign.members), ("ada", Some(10)));
    let counts = [(AssignmentState::Assigned, 1), (AssignmentState::Installed, 2)].into();
    assert_eq!(standing.counts(), counts);
    assert_eq!(standing.waves[0].counts, counts);
    assert_eq!(standing.waves[0].opened_at, Some(now));
    assert_eq!(standing.waves[1].size, Some(7));
    let mut tx = store.begin().await.unwrap();
    assert_eq!(campaigns::left(&mut tx, campaign.id).await.unwrap(), 8);
    assert_eq!(campaigns::unfinished(&store).await.unwrap(), [standing]);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_row_that_contradicts_itself_is_an_error_and_no_guess(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    let campaign = draft(&store, release, "true", "s", &[1.0]).await;
    for wrong in ["state = 'running'", "state = 'completed', ended_at = NULL", "state = 'draft', ended_at = now()"] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("UPDATE campaigns SET {wrong}"))).execute(&pool).await.unwrap();
        let error = campaigns::standing(&store, campaign.id).await.unwrap_err().to_string();
        assert!(error.contains("inconsistent row in campaigns"), "{wrong}: {error}");
    }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn campaigns_come_in_pages_newest_first_and_the_fleet_counts_them(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 5).await;
    for salt in ["a", "b", "c"] {
        draft(&store, release, "true", salt, &[0.5, 0.5]).await;
    }
    let ids = |page: Vec<campaigns::Standing>| page.into_iter().map(|row| row.campaign.id).collect::<Vec<_>>();
    assert_eq!(ids(campaigns::page(&store, None, None, None, 2).await.unwrap()), [3, 2]);
    assert_eq!(ids(campaigns::page(&store, None, Some(release), Some(2), 2).await.unwrap()), [1]);
    assert!(campaigns::page(&store, None, Some(release + 1), None, 2).await.unwrap().is_empty());
    assert!(campaigns::page(&store, Some(CampaignState::Paused), None, None, 2).await.unwrap().is_empty());
    let fleet = fleet::summary(&store, clock::now()).await.unwrap();
    assert_eq!(fleet.campaigns, [(CampaignState::Draft, 3)]);
    let models: Vec<_> = fleet.models.iter().map(|model| (model.model.as_str(), model.vehicles)).collect();
    assert_eq!(models, [("car", 5), ("van", 0)]);
    assert_eq!((fleet.dead_letters, fleet.outbox), (0, 0));
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn assignments_come_in_pages_with_their_failure_and_their_history(pool: PgPool) {
    let store = Store::from_pool(pool.clone());
    let release = release_for_cars(&pool).await;
    vehicles(&pool, "car", 1, 6).await;
    let campaign = draft(&store, release, "true", "s", &[0.5, 0.5]).await;
    freeze(&store, &campaign, &[0.5, 0.5], clock::now()).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    for wave in [1, 2] {
        waves::assign_chunk(&mut tx, campaign.id, wave, 0, 100, clock::now()).await.unwrap();
    }
    tx.commit().await.unwrap();
    sqlx::raw_sql(
        "UPDATE assignments SET state = 'failed' WHERE vehicle_id = 2;
         INSERT INTO assignment_failures VALUES (1, 2, 1, 4, 'failed', 'E42', 'no space', now());
         INSERT INTO ack_history VALUES (2, gen_random_uuid(), 1, 1, 4, 'vehicle', 'failed', 80, 'E42', NULL, now()),
                                        (2, gen_random_uuid(), 1, 1, 3, 'vehicle', 'downloading', 10, NULL, NULL, now() - interval '1 s')",
    )
    .execute(&pool)
    .await
    .unwrap();
    let all = progress::assignments(&store, campaign.id, Filter::default(), 0, 4).await.unwrap();
    assert_eq!(all.iter().map(|row| row.vehicle_id).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!((all[1].error_code.as_deref(), all[1].log.as_deref()), (Some("E42"), Some("no space")));
    assert_eq!(progress::assignments(&store, campaign.id, Filter::default(), 4, 4).await.unwrap().len(), 2);
    let failed = Filter {
        state: Some(AssignmentState::Failed),
        wave: Some(all[1].wave),
        error_code: Some("E42".into()),
        ..Filter::default()
    };
    assert_eq!(progress::assignments(&store, campaign.id, failed, 0, 4).await.unwrap(), [all[1].clone()]);
    let moment = all[1].updated_at;
    let from = Filter { since: Some(moment), until: Some(moment + TimeDelta::seconds(1)), ..Filter::default() };
    assert!(progress::assignments(&store, campaign.id, from, 0, 9).await.unwrap().contains(&all[1]));
    let before = Filter { until: Some(moment), ..Filter::default() };
    assert!(!progress::assignments(&store, campaign.id, before, 0, 9).await.unwrap().contains(&all[1]));
    let others = Filter { error_code: Some("E7".into()), ..Filter::default() };
    assert!(progress::assignments(&store, campaign.id, others, 0, 4).await.unwrap().is_empty());
    let vin = otaru_domain::id::Vin::parse(&all[1].vin).unwrap();
    assert_eq!(progress::of_vehicle(&store, &vin, 10).await.unwrap(), [all[1].clone()]);
    assert_eq!(progress::vehicle_id(&store, &vin).await.unwrap(), Some(2));
    let history = progress::history(&store, 2, &[campaign.id], 10).await.unwrap();
    assert_eq!(history.iter().map(|row| row.state.as_str()).collect::<Vec<_>>(), ["failed", "downloading"]);
}
