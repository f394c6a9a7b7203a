//! What a vehicle that asks is offered: its open assignments, and nobody else's.

use otaru_domain::assignment::AssignmentState;
use otaru_domain::clock;
use otaru_domain::id::Vin;
use otaru_store::offers::{OpenAssignment, lookup};
use otaru_store::{Store, StoreError, testing};
use sqlx::PgPool;

fn vin(text: &str) -> Vin {
    Vin::parse(text).unwrap()
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn only_open_assignments_of_running_campaigns_are_found_oldest_first(pool: PgPool) {
    let store = Store::from_pool(pool);
    let now = clock::now();
    testing::model(&store, "harbour", now).await.unwrap();
    let vehicle = testing::vehicle(&store, "WVWZZZ1KZAW000001", "harbour", now).await.unwrap();
    let release = testing::release(&store, "r4", now).await.unwrap();
    let mut campaigns = Vec::new();
    for state in ["running", "paused", "halted", "completed", "running", "running", "running"] {
        let id = testing::campaign(&store, release, "salt", now).await.unwrap();
        testing::set_campaign_state(&store, id, state).await.unwrap();
        campaigns.push(id);
    }
    // Opened in another order than they were created.
    for campaign in campaigns.iter().rev() {
        testing::assign(&store, vehicle, *campaign, 1, now).await.unwrap();
    }
    testing::set_assignment(&store, vehicle, campaigns[4], 2, "downloading").await.unwrap();
    testing::set_assignment(&store, vehicle, campaigns[5], 1, "installed").await.unwrap();
    testing::set_campaign_closing(&store, campaigns[6], "timed_out").await.unwrap();

    let found = lookup(&store, vehicle, &vin("WVWZZZ1KZAW000001")).await.unwrap();
    assert_eq!(
        found,
        [
            OpenAssignment { campaign: campaigns[0], attempt: 1, state: AssignmentState::Assigned },
            OpenAssignment { campaign: campaigns[4], attempt: 2, state: AssignmentState::Downloading },
        ]
    );
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn every_open_state_is_found_and_no_terminal_one(pool: PgPool) {
    let store = Store::from_pool(pool);
    let now = clock::now();
    testing::model(&store, "harbour", now).await.unwrap();
    let vehicle = testing::vehicle(&store, "WVWZZZ1KZAW000001", "harbour", now).await.unwrap();
    let release = testing::release(&store, "r4", now).await.unwrap();
    let campaign = testing::campaign(&store, release, "salt", now).await.unwrap();
    testing::set_campaign_state(&store, campaign, "running").await.unwrap();
    testing::assign(&store, vehicle, campaign, 1, now).await.unwrap();
    for state in AssignmentState::ALL {
        testing::set_assignment(&store, vehicle, campaign, 1, state.as_str()).await.unwrap();
        let found = lookup(&store, vehicle, &vin("WVWZZZ1KZAW000001")).await.unwrap();
        assert_eq!(found.is_empty(), state.is_terminal(), "{state}");
    }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_retired_vehicle_and_another_vin_get_nothing(pool: PgPool) {
    let store = Store::from_pool(pool);
    let now = clock::now();
    testing::model(&store, "harbour", now).await.unwrap();
    let vehicle = testing::vehicle(&store, "WVWZZZ1KZAW000001", "harbour", now).await.unwrap();
    let release = testing::release(&store, "r4", now).await.unwrap();
    let campaign = testing::campaign(&store, release, "salt", now).await.unwrap();
    testing::set_campaign_state(&store, campaign, "running").await.unwrap();
    testing::assign(&store, vehicle, campaign, 1, now).await.unwrap();
    assert_eq!(lookup(&store, vehicle, &vin("WVWZZZ1KZAW000001")).await.unwrap().len(), 1);
    assert_eq!(lookup(&store, vehicle, &vin("WVWZZZ1KZAW000002")).await.unwrap(), []);
    testing::retire_vehicle(&store, vehicle, now).await.unwrap();
    assert_eq!(lookup(&store, vehicle, &vin("WVWZZZ1KZAW000001")).await.unwrap(), []);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_row_that_cannot_be_is_an_error(pool: PgPool) {
    let store = Store::from_pool(pool);
    let now = clock::now();
    testing::model(&store, "harbour", now).await.unwrap();
    let vehicle = testing::vehicle(&store, "WVWZZZ1KZAW000001", "harbour", now).await.unwrap();
    let release = testing::release(&store, "r4", now).await.unwrap();
    let campaign = testing::campaign(&store, release, "salt", now).await.unwrap();
    testing::set_campaign_state(&store, campaign, "running").await.unwrap();
    testing::assign(&store, vehicle, campaign, 1, now).await.unwrap();
    testing::set_assignment(&store, vehicle, campaign, 0, "assigned").await.unwrap();
    let error = lookup(&store, vehicle, &vin("WVWZZZ1KZAW000001")).await.unwrap_err();
    assert!(matches!(error, StoreError::Inconsistent { table: "assignments", .. }), "{error}");
}
