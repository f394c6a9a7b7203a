//! The way back of a campaign is prepared from what each of its vehicles ran before.

use otaru_campaign::auth::Role;
use otaru_domain::ack::ReportedState;
use serde_json::{Value, json};

use crate::exclusions::inventory;
use crate::fleet::Fleet;
use crate::world::World;

/// A locked release that brings the BCM to `version`.
async fn release(fleet: &Fleet<'_>, version: &str) -> i64 {
    let sha256 = fleet.engineer.upload("bcm.bin", version.as_bytes().to_vec().leak()).await;
    let images = json!([{"hardware_id": "BCM", "sha256": sha256, "version": version}]);
    let body = json!({"name": fleet.model, "version": version, "models": [fleet.model], "images": images});
    let id = fleet.engineer.post("/releases", &body).await.is(201)["id"].as_i64().unwrap();
    fleet.engineer.post(&format!("/releases/{id}/lock"), &json!({})).await.is(200);
    id
}

#[tokio::test]
async fn each_configuration_before_gets_a_draft_back_and_what_has_no_image_is_named() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 6).await;
    let ada = &fleet.engineer;
    let [one, two, other, lost, failed, moved] = &fleet.vins[..] else { panic!() };
    let older = [release(&fleet, "2.2").await, release(&fleet, "2.1").await];
    for (vin, version) in [(one, "2.2"), (two, "2.2"), (other, "2.1"), (lost, "1.0"), (failed, "2.2"), (moved, "2.2")] {
        inventory(&fleet, vin, &[("BCM", version), ("IVI", "1")]).await;
    }
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let path = format!("/campaigns/{id}/undo");
    ada.post(&path, &json!({})).await.problem(409, "campaign-state");
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    ada.post(&path, &json!({})).await.problem(409, "campaign-state");
    let installed = [one.clone(), two.clone(), other.clone(), lost.clone(), moved.clone()];
    fleet.report(id, &installed, 1, ReportedState::Installed).await;
    fleet.fail(id, &fleet.vins[4..5], Some("E1"), None).await;
    fleet.until_state(id, "completed").await;
    for vin in &installed[..4] {
        inventory(&fleet, vin, &[("BCM", "2.3.0"), ("IVI", "1")]).await;
    }
    inventory(&fleet, moved, &[("BCM", "2.4"), ("IVI", "1")]).await;

    let undo = ada.post(&path, &json!({})).await.is(201);
    let items = undo["items"].as_array().unwrap();
    let vehicles: Vec<u64> = items.iter().map(|item| item["vehicles"].as_u64().unwrap()).collect();
    assert_eq!(vehicles, [2, 1], "who moved on since and who failed are left as they are: {undo:#}");
    assert_eq!(undo["no_way_back"], json!([{"vehicles": 1, "lacks": [{"hardware_id": "BCM", "version": "1.0"}]}]));
    let mut highest = 0;
    for ((item, version), older) in items.iter().zip(["2.2", "2.1"]).zip(older) {
        let release = ada.get(&format!("/releases/{}", item["release"])).await.is(200);
        let before = ada.get(&format!("/releases/{older}")).await.is(200);
        assert_eq!((&release["state"], &release["images"][0]["version"]), (&json!("locked"), &json!(version)));
        assert_eq!(release["images"][0]["sha256"], before["images"][0]["sha256"], "the very bytes that ran before");
        let counter = release["release_counter"].as_i64().unwrap();
        assert!(counter > before["release_counter"].as_i64().unwrap().max(highest), "a vehicle takes no lower one");
        highest = counter;
        let draft = fleet.campaign(item["campaign"].as_i64().unwrap()).await;
        assert_eq!((&draft["state"], &draft["target"]), (&json!("draft"), &item["target"]));
    }
    assert_eq!(ada.get(&path).await.is(200)["items"], undo["items"]);
    let again = ada.post(&path, &json!({})).await.problem(409, "undo-prepared");
    assert!(again.contains(&items[0]["campaign"].to_string()), "{again}");

    let back = items[0]["campaign"].as_i64().unwrap();
    fleet.command(back, "start").await;
    fleet.until_open(back, 1).await;
    let campaign = fleet.until_published(back, "the way back is published", |document| {
        document.targets.iter().all(|target| target.version == "2.2")
    });
    campaign.await;
    let members = fleet.campaign(back).await;
    assert_eq!(members["members"], 2, "{members:#}");
    let waves: Vec<Value> = fleet.assignments(back, "").await;
    assert!(waves.iter().all(|row| [json!(one), json!(two)].contains(&row["vin"])), "{waves:?}");
}

#[tokio::test]
async fn without_an_image_of_before_there_is_nothing_to_prepare() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    inventory(&fleet, &fleet.vins[0], &[("BCM", "1.0")]).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    fleet.report(id, &fleet.vins, 1, ReportedState::Installed).await;
    fleet.until_state(id, "completed").await;
    let detail =
        fleet.engineer.post(&format!("/campaigns/{id}/undo"), &json!({})).await.problem(409, "nothing-to-undo");
    assert!(detail.contains("BCM 1.0"), "{detail}");
}

#[tokio::test]
async fn who_may_not_force_an_update_may_not_force_it_back() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    release(&fleet, "2.2").await;
    inventory(&fleet, &fleet.vins[0], &[("BCM", "2.2")]).await;
    let approver = world.caller(Role::Approver).await;
    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    draft["policy"] = json!({"consent": {
        "mode": "ask", "force_reason": "safety recall", "texts": {"en": {"title": "Update", "body": "It is installed now."}},
    }});
    fleet.engineer.post("/campaigns", &draft).await.problem(403, "forbidden");
    let id = approver.post("/campaigns", &draft).await.is(201)["id"].as_i64().unwrap();
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    fleet.report(id, &fleet.vins, 1, ReportedState::Installed).await;
    fleet.until_state(id, "completed").await;
    let path = format!("/campaigns/{id}/undo");
    fleet.engineer.post(&path, &json!({})).await.problem(403, "forbidden");
    assert_eq!(fleet.engineer.get(&path).await.is(200)["items"], json!([]), "nothing was made");
    assert_eq!(approver.post(&path, &json!({})).await.is(201)["items"][0]["vehicles"], 1);
}
