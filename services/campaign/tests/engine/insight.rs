//! What the dashboard draws: failures that belong together, the burn-up, and what the fleet runs.

use otaru_domain::ack::{AckReport, ReportedState};
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::world::World;

#[tokio::test]
async fn failures_with_one_cause_are_one_cluster_with_where_they_came_from() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 8).await;
    for (index, vin) in fleet.vins.iter().enumerate() {
        let version = if index < 3 { "2.1.0" } else { "2.2.0" };
        fleet.engineer.put(&format!("/vehicles/{vin}/ecus/BCM"), &json!({"version": version})).await.is(200);
    }
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let empty = fleet.engineer.get(&format!("/campaigns/{id}/failures")).await.is(200);
    assert_eq!(empty, json!({"items": [], "next_cursor": null}));
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    let vins = &fleet.vins;
    fleet.fail(id, &vins[..2], Some("flash_write_error"), None).await;
    fleet.fail(id, &vins[2..4], Some("flash_write_error"), Some("block 7 does not verify")).await;
    fleet.fail(id, &vins[4..5], None, None).await;
    fleet.report(id, &vins[5..7], 1, ReportedState::Installed).await;

    let failures = fleet.engineer.get(&format!("/campaigns/{id}/failures")).await.is(200);
    let items = failures["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{failures}");
    let worst = &items[0];
    assert_eq!((&worst["error_code"], &worst["state"]), (&json!("flash_write_error"), &json!("failed")));
    assert_eq!(worst["vehicles"], 4);
    assert_eq!(worst["sample"]["log"], "block 7 does not verify");
    let from = json!([
        {"hardware_id": "BCM", "version": "2.1.0", "vehicles": 3}, {"hardware_id": "BCM", "version": "2.2.0", "vehicles": 1},
    ]);
    assert_eq!(worst["from"], from);
    assert_eq!((&items[1]["error_code"], &items[1]["vehicles"]), (&Value::Null, &json!(1)));

    let rows = fleet.assignments(id, "&error_code=flash_write_error").await;
    assert_eq!(rows.len(), 4);
    assert!(fleet.assignments(id, "&error_code=battery_low").await.is_empty());
}

#[tokio::test]
async fn where_vehicles_left_is_told_by_the_last_step_before_and_the_code() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 5).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    let vins = &fleet.vins;
    fleet.report(id, &vins[..3], 1, ReportedState::Downloading).await;
    fleet.report(id, &vins[..2], 2, ReportedState::Installing).await;
    let failed = |sequence| AckReport {
        error_code: Some("no_space".into()),
        ..AckReport::of(id, 1, sequence, ReportedState::Failed)
    };
    fleet.say(&vins[..2], &failed(3)).await;
    fleet.say(&vins[2..3], &failed(3)).await;
    fleet.report(id, &vins[3..4], 1, ReportedState::Declined).await;
    fleet.report(id, &vins[4..], 1, ReportedState::Installed).await;
    let drops = fleet.engineer.get(&format!("/campaigns/{id}/drops")).await.is(200);
    let told = json!([
        {"state": "failed", "after": "installing", "error_code": "no_space", "vehicles": 2},
        {"state": "declined", "after": null, "error_code": null, "vehicles": 1},
        {"state": "failed", "after": "downloading", "error_code": "no_space", "vehicles": 1},
    ]);
    assert_eq!(drops, json!({"items": told, "sampled": false}));
}

#[tokio::test]
async fn failures_whose_logs_end_alike_are_one_cluster_per_version_they_came_from() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 4).await;
    for (index, vin) in fleet.vins.iter().enumerate() {
        let version = if index < 2 { "2.1.0" } else { "2.2.0" };
        fleet.engineer.put(&format!("/vehicles/{vin}/ecus/BCM"), &json!({"version": version})).await.is(200);
    }
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    let path = format!("/campaigns/{id}/triage");
    assert_eq!(fleet.engineer.get(&path).await.is(200), json!({"items": [], "next_cursor": null}));
    for (index, vin) in fleet.vins.iter().enumerate() {
        let log = format!("started\nblock {index} does not verify");
        let failed = fleet.fail(id, std::slice::from_ref(vin), Some("E1"), Some(&log)).await;
        fleet.label(&failed).await;
    }
    let page = fleet.engineer.get(&path).await.is(200);
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{page:#}");
    for (item, version) in items.iter().zip(["2.1.0", "2.2.0"]) {
        assert_eq!(item["template"], "block <*> does not verify");
        assert_eq!((&item["hardware_id"], &item["from_version"]), (&json!("BCM"), &json!(version)));
        assert_eq!(item["vehicles"], 2);
    }
}

#[tokio::test]
async fn a_burn_up_counts_every_vehicle_where_it_ended() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 4).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let before = fleet.engineer.get(&format!("/campaigns/{id}/burn-up")).await.is(200);
    assert_eq!((&before["from"], &before["points"]), (&Value::Null, &json!([])));
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    fleet.report(id, &fleet.vins[..1], 1, ReportedState::Downloading).await;
    fleet.report(id, &fleet.vins[..2], 2, ReportedState::Installed).await;
    fleet.fail(id, &fleet.vins[2..3], Some("E1"), None).await;
    let burn_up = fleet.engineer.get(&format!("/campaigns/{id}/burn-up")).await.is(200);
    let points = burn_up["points"].as_array().unwrap();
    let sum = |state: &str| points.iter().filter_map(|point| point["counters"][state].as_u64()).sum::<u64>();
    assert_eq!((sum("installed"), sum("failed"), sum("downloading"), sum("assigned")), (2, 1, 0, 0), "{burn_up}");
    assert!(!burn_up["from"].is_null() && burn_up["bucket_secs"] == 1, "{burn_up}");
}

#[tokio::test]
async fn the_fleets_versions_are_told_newest_first_and_none_merged() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 5).await;
    let versions = ["2.9.0", "2.10.0", "2.10.0", "2.9.0", "2.9.0"];
    for (vin, version) in fleet.vins.iter().zip(versions) {
        fleet.engineer.put(&format!("/vehicles/{vin}/ecus/BCM"), &json!({"version": version})).await.is(200);
    }
    fleet.engineer.post(&format!("/vehicles/{}/retire", fleet.vins[0]), &json!({})).await.is(200);
    let expected = json!({"items": [{"hardware_id": "BCM", "vehicles": 4, "versions": [
        {"version": "2.10.0", "vehicles": 2}, {"version": "2.9.0", "vehicles": 2},
    ]}]});
    assert_eq!(fleet.engineer.get("/fleet/versions").await.is(200), expected);
    assert_eq!(fleet.engineer.get(&format!("/fleet/versions?model={}", fleet.model)).await.is(200), expected);
    assert_eq!(fleet.engineer.get("/fleet/versions?model=other").await.is(200), json!({"items": []}));
}

#[tokio::test]
async fn what_happened_to_a_campaign_is_told_in_pages_oldest_first() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(id, "cancel").await;
    let first = fleet.engineer.get(&format!("/campaigns/{id}/events?limit=1")).await.is(200);
    assert_eq!(first["items"][0]["type"], "campaign_created");
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = fleet.engineer.get(&format!("/campaigns/{id}/events?cursor={cursor}")).await.is(200);
    assert_eq!(rest["items"][0]["to"], "cancelled");
    assert_eq!(
        rest["items"].as_array().unwrap().iter().filter(|event| event["id"] == first["items"][0]["id"]).count(),
        0
    );
}
