//! Vehicles that a release is not yet for come to it over the releases it requires, each as soon as it may.

use serde_json::{Value, json};

use crate::exclusions::inventory;
use crate::fleet::Fleet;
use crate::world::{World, eventually};

/// A locked release of one image.
async fn release(fleet: &Fleet<'_>, ecu: &str, version: &str, requires: &[(&str, &str)]) -> i64 {
    let sha256 = fleet.engineer.upload("image.bin", format!("{ecu} {version}").into_bytes().leak()).await;
    let requires: Vec<Value> =
        requires.iter().map(|(ecu, versions)| json!({"hardware_id": ecu, "versions": versions})).collect();
    let images = json!([{"hardware_id": ecu, "sha256": sha256, "version": version, "requires": requires}]);
    let name = format!("{} {ecu}", fleet.model);
    let body = json!({"name": name, "version": version, "models": [fleet.model], "images": images});
    let id = fleet.engineer.post("/releases", &body).await.is(201)["id"].as_i64().unwrap();
    fleet.engineer.post(&format!("/releases/{id}/lock"), &json!({})).await.is(200);
    id
}

/// Takes away the release that every fleet of the tests has: it requires nothing.
async fn recall(fleet: &Fleet<'_>) {
    let path = format!("/releases/{}/recall", fleet.release);
    fleet.engineer.post(&path, &json!({"reason": "test"})).await.is(200);
}

/// What a vehicle has: a body control and an infotainment, and an ECU that no release is for.
fn ecus_of([bcm, ivi]: [&'static str; 2]) -> [(&'static str, &'static str); 3] {
    [("BCM", bcm), ("IVI", ivi), ("KEY", "1")]
}

async fn vins(fleet: &Fleet<'_>, campaign: i64) -> Vec<String> {
    let assignments = fleet.assignments(campaign, "").await;
    let mut vins: Vec<String> = assignments.iter().map(|one| one["vin"].as_str().unwrap().to_owned()).collect();
    vins.sort_unstable();
    vins
}

async fn until_in(fleet: &Fleet<'_>, campaign: i64, expected: &[&str]) {
    let mut expected: Vec<String> = expected.iter().map(|vin| (*vin).to_owned()).collect();
    expected.sort_unstable();
    let what = format!("campaign {campaign} has {expected:?}");
    eventually(&what, async || (vins(fleet, campaign).await == expected).then_some(())).await;
}

#[tokio::test]
async fn each_vehicle_goes_its_own_way_to_a_release_that_requires_others() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 4).await;
    let ada = &fleet.engineer;
    let [far, near, fits, lost] = [0, 1, 2, 3].map(|at| fleet.vins[at].as_str());
    recall(&fleet).await;
    let bcm = release(&fleet, "BCM", "1.5", &[("BCM", ">=1.0")]).await;
    let ivi = release(&fleet, "IVI", "7", &[("BCM", ">=1.5")]).await;
    let last = release(&fleet, "BCM", "2.0", &[("BCM", ">=1.5"), ("IVI", ">=7"), ("KEY", "<9")]).await;
    for (vin, ecus) in fleet.vins.iter().zip([["1.0", "6"], ["1.6", "6"], ["1.6", "7"], ["0.9", "6"]]) {
        inventory(&fleet, vin, &ecus_of(ecus)).await;
    }
    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    (draft["release"], draft["target"]) = (json!(last), json!("true"));
    draft["policy"] = json!({"membership": "continuous"});
    // As long as a name may be, in bytes: that of its steps says more, and is cut.
    draft["name"] = json!("ü".repeat(100));
    let id = fleet.create(&draft).await;
    let path = format!("/campaigns/{id}/steps");

    let shown = ada.get(&path).await.is(200);
    assert_eq!(shown["items"], json!([]));
    let way = |running: [&str; 2]| {
        let running = json!({"BCM": running[0], "IVI": running[1], "KEY": "1"});
        let stuck = shown["stuck"].as_array().unwrap().iter().find(|one| one["running"] == running);
        stuck.unwrap_or_else(|| panic!("nobody runs {running}: {shown:#}"))
    };
    assert_eq!(shown["stuck"].as_array().unwrap().len(), 3, "{shown:#}");
    assert_eq!(way(["1.0", "6"])["way"], json!([bcm, ivi, last]));
    assert_eq!(way(["1.6", "6"])["way"], json!([ivi, last]));
    assert_eq!(way(["1.6", "6"])["misses"], "IVI must run >=7");
    assert_eq!(way(["0.9", "6"])["way"], Value::Null);

    fleet.command(id, "start").await;
    until_in(&fleet, id, &[fits]).await;
    let prepared = ada.post(&path, &json!({})).await.is(201);
    ada.post(&path, &json!({})).await.problem(409, "steps-prepared");
    assert_eq!(ada.get(&path).await.is(200)["items"], prepared["items"]);
    let items = prepared["items"].as_array().unwrap();
    let said: Vec<_> = items.iter().map(|item| (item["release"].as_i64(), item["vehicles"].as_u64())).collect();
    assert_eq!(said, [(Some(bcm), Some(1)), (Some(ivi), Some(2))], "in the order of the way: {prepared:#}");
    let [first, second] = [0, 1].map(|at| items[at]["campaign"].as_i64().unwrap());
    for step in [first, second] {
        let draft = fleet.campaign(step).await;
        assert_eq!((&draft["state"], &draft["policy"]["membership"]), (&json!("draft"), &json!("continuous")));
        assert_eq!(draft["precondition"], "battery.soc >= 40", "what holds for the last step holds for all");
        fleet.command(step, "start").await;
    }
    until_in(&fleet, first, &[far]).await;
    until_in(&fleet, second, &[near]).await;

    // As their inventories change they go on, and nobody skips a step.
    inventory(&fleet, &fleet.vins[0], &ecus_of(["1.5", "6"])).await;
    until_in(&fleet, second, &[far, near]).await;
    assert_eq!(vins(&fleet, id).await, [fits]);
    inventory(&fleet, &fleet.vins[0], &ecus_of(["1.5", "7"])).await;
    inventory(&fleet, &fleet.vins[1], &ecus_of(["1.6", "7"])).await;
    until_in(&fleet, id, &[far, near, fits]).await;
    let excluded = ada.get(&format!("/campaigns/{id}/excluded")).await.is(200);
    assert_eq!(excluded["items"].as_array().unwrap().len(), 1, "{excluded:#}");
    assert_eq!(excluded["items"][0]["vin"], lost);
}

#[tokio::test]
async fn without_a_way_nothing_is_prepared_and_it_says_what_is_missing() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let ada = &fleet.engineer;
    let last = release(&fleet, "BCM", "2.0", &[("BCM", ">=1.5")]).await;
    inventory(&fleet, &fleet.vins[0], &[("BCM", "1.0")]).await;
    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    (draft["release"], draft["target"]) = (json!(last), json!("true"));
    let id = fleet.create(&draft).await;
    let path = format!("/campaigns/{id}/steps");
    let way = ada.get(&path).await.is(200)["stuck"][0]["way"].clone();
    assert_eq!(way, json!([fleet.release, last]));
    recall(&fleet).await;
    let (detail, _) = ada.post(&path, &json!({})).await.problem_at(409, "no-steps");
    assert!(detail.contains("BCM must run >=1.5"), "a release that was recalled leads nowhere: {detail}");
    let step = release(&fleet, "BCM", "1.5", &[]).await;
    let way = ada.get(&path).await.is(200)["stuck"][0]["way"].clone();
    assert_eq!(way, Value::Null, "it is newer than the campaign's own, which a vehicle would refuse after it");
    assert!(step > last);
    inventory(&fleet, &fleet.vins[0], &[("BCM", "1.7")]).await;
    let (detail, _) = ada.post(&path, &json!({})).await.problem_at(409, "no-steps");
    assert!(detail.contains("leaves out no vehicle"), "{detail}");
    fleet.command(id, "cancel").await;
    ada.post(&path, &json!({})).await.problem(409, "campaign-state");
}
