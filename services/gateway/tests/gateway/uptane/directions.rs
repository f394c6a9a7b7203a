//! What the Director tells a vehicle, and what becomes of it.

use chrono::TimeDelta;
use otaru_domain::document::DocumentState;
use otaru_domain::id::CampaignId;
use otaru_domain::rollout::{Blackout, Consent, ConsentMode};
use otaru_domain::topic;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Digest as _;

use super::rig::{Car, Ecu, Fleet, PRIMARY, SECONDARY, VIN, public, result, write_keys};
use crate::world::{Vehicle, eventually};

/// A fleet of one vehicle with a campaign for its Secondary.
async fn offered() -> (Fleet, Vehicle, CampaignId) {
    let mut fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    fleet.image("BCM-2.bin", "BCM", "2", b"the second").await;
    let campaign = fleet.campaign(&[&vehicle], &[("BCM", "BCM-2.bin")]).await;
    (fleet, vehicle, campaign)
}

async fn states(fleet: &Fleet, vehicle: &Vehicle) -> Vec<String> {
    let acks = fleet.world.acks(&vehicle.vin).await;
    acks.iter().map(|ack| ack["state"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_goes_from_the_director_over_the_image_repository_to_installed() {
    let (fleet, vehicle, campaign) = offered().await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    car.tell(Value::Null).await;
    let correlation = car.install(|_| true).await.unwrap();
    assert_eq!(correlation, format!("urn:otaru:campaign:{campaign}:1"));
    let events = ["EcuDownloadStarted", "EcuDownloadCompleted", "EcuInstallationStarted", "EcuInstallationCompleted"];
    let event = |id: &&str| {
        json!({"id": "9b2cf9a0-0000-4000-8000-000000000000", "deviceTime": "2026-03-01T11:00:00Z",
               "eventType": {"id": id, "version": 0}, "event": {"ecu": SECONDARY, "correlationId": correlation, "success": true}})
    };
    let events: Vec<Value> = events.iter().map(event).collect();
    let posted = car.request(Method::POST, "events").json(&events).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::OK);
    car.tell(result(&correlation, true, "OK", &[(SECONDARY, true)])).await;
    assert_eq!(
        states(&fleet, &vehicle).await,
        ["offered", "downloading", "downloaded", "installing", "installing", "installed"]
    );
    let acks = fleet.world.acks(&vehicle.vin).await;
    assert_eq!(acks.last().unwrap()["versions"]["BCM"], "2");
    let inventories = fleet.world.records(topic::INVENTORIES, &vehicle.vin).await;
    let last: Value = serde_json::from_slice(inventories.last().unwrap().value.as_deref().unwrap()).unwrap();
    assert_eq!(last["ecus"][0], json!({"hardware_id": "BCM", "version": "2", "serial": SECONDARY}));
    assert!(last["ecus"][1]["version"].as_str().unwrap().starts_with("unknown-"), "{last}");

    assert_eq!(car.directed().await["targets"], json!({}), "never offered again");
    car.tell(Value::Null).await;
    assert_eq!(fleet.world.acks(&vehicle.vin).await.len(), 6, "the end is said once");
    assert_eq!(fleet.world.records(topic::INVENTORIES, &vehicle.vin).await.len(), 2, "and what does not change");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_ecus_of_one_release_end_together_and_one_that_fails_fails_it() {
    let mut fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    fleet.image("GW-2.bin", "GW", "2", b"gateway two").await;
    fleet.image("BCM-2.bin", "BCM", "2", b"body two").await;
    let images = [("BCM", "BCM-2.bin"), ("GW", "GW-2.bin")];
    fleet.campaign(&[&vehicle], &images).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.ecus.push(Ecu::new("secondary-2", "BCM"));
    car.register().await;
    let targets = car.directed().await["targets"].clone();
    let ecus = |name: &str| targets[name]["custom"]["ecuIdentifiers"].as_object().unwrap().len();
    assert_eq!((ecus("BCM-2.bin"), ecus("GW-2.bin")), (2, 1), "both of a kind");

    let correlation = car.install(|serial| serial != "secondary-2").await.unwrap();
    car.tell(result(&correlation, false, "NEED_COMPLETION", &[])).await;
    assert_eq!(fleet.world.acks(&vehicle.vin).await.last().unwrap()["progress_percent"], 66);
    car.install(|_| true).await;
    car.tell(Value::Null).await;
    assert_eq!(states(&fleet, &vehicle).await, ["offered", "installing", "installed"], "proven without a report");

    let second = fleet.world.vehicle(super::rig::OTHER, &fleet.model).await;
    fleet.campaign(&[&second], &images).await;
    let mut car = Car::new(&fleet.world.gateway, &second);
    car.register().await;
    let correlation = car.install(|serial| serial == PRIMARY).await.unwrap();
    car.tell(result(&correlation, false, "BCM:INSTALL_FAILED", &[(PRIMARY, true), (SECONDARY, false)])).await;
    let acks = fleet.world.acks(&second.vin).await;
    let failed = acks.last().unwrap();
    assert_eq!((&failed["state"], &failed["error_code"]), (&json!("failed"), &json!("uptane-BCM:INSTALL_FAILED")));
    assert!(failed["log"].as_str().unwrap().contains("secondary-1: BCM:INSTALL_FAILED"), "{failed}");
    assert_eq!(car.directed().await["targets"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_rise_with_every_change_on_any_director_and_stay_without_one() {
    let (mut fleet, vehicle, campaign) = offered().await;
    let folder = fleet.keys.path().to_owned();
    let second = fleet.world.second_gateway(|config| {
        config.uptane = Some(otaru_gateway::UptaneConfig { director_keys: folder });
    });
    let second = second.await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    let first = car.directed().await;
    assert_eq!(car.directed().await, first);
    car.go_to(&second);
    assert_eq!(car.directed().await, first, "the other Director says the very same");
    let timestamp = car.file("director/timestamp.json").await;
    let snapshot = car.file("director/snapshot.json").await;
    assert_eq!(timestamp["signed"]["meta"]["snapshot.json"]["version"], first["version"]);
    assert_eq!(snapshot["signed"]["meta"]["targets.json"]["version"], first["version"]);
    let expires: chrono::DateTime<chrono::Utc> = first["expires"].as_str().unwrap().parse().unwrap();
    assert!(expires <= fleet.world.now + TimeDelta::days(1) + TimeDelta::minutes(5));

    let mut document = fleet.model.document(campaign, fleet.world.now);
    document.state = DocumentState::Paused;
    let publication = fleet.model.publish_document(document, fleet.world.now);
    fleet.world.publish(&fleet.model, publication).await;
    car.go_to(&fleet.world.gateway);
    // It has the timestamp of before: not even now is it told to install what was withdrawn.
    assert_eq!(car.get("director/targets.json").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let timestamp = car.file("director/timestamp.json").await;
    let nothing = car.directed().await;
    assert_eq!((&nothing["targets"], &nothing["version"]), (&json!({}), &timestamp["signed"]["version"]));
    assert!(car.seen > first["version"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_after_a_timestamp_is_of_its_version_though_an_update_comes_meanwhile() {
    let mut fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    fleet.image("BCM-2.bin", "BCM", "2", b"the second").await;
    let folder = fleet.keys.path().to_owned();
    let second = fleet.world.second_gateway(|config| {
        config.uptane = Some(otaru_gateway::UptaneConfig { director_keys: folder });
    });
    let second = second.await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    let timestamp = car.file("director/timestamp.json").await;
    fleet.campaign(&[&vehicle], &[("BCM", "BCM-2.bin")]).await;
    car.go_to(&second);
    let snapshot = car.get("director/snapshot.json").await.bytes().await.unwrap();
    let entry = &timestamp["signed"]["meta"]["snapshot.json"];
    assert_eq!(entry["hashes"]["sha256"], hex::encode(sha2::Sha256::digest(&snapshot)));
    let targets = car.directed().await;
    assert_eq!((&targets["targets"], &targets["version"]), (&json!({}), &timestamp["signed"]["version"]));
    assert!(fleet.world.acks(&vehicle.vin).await.is_empty(), "nothing is offered that is not told");

    let timestamp = car.file("director/timestamp.json").await;
    let targets = car.directed().await;
    assert_eq!(targets["version"], timestamp["signed"]["version"]);
    assert_eq!(targets["targets"].as_object().unwrap().len(), 1, "the next read has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_and_a_cancel_empty_what_is_directed_before_their_document_is_published() {
    for state in ["paused", "cancelled"] {
        let (fleet, vehicle, campaign) = offered().await;
        let mut car = Car::new(&fleet.world.gateway, &vehicle);
        car.register().await;
        let first = car.directed().await;
        assert_eq!(first["targets"].as_object().unwrap().len(), 1);
        let correlation = first["custom"]["correlationId"].as_str().unwrap();
        let started = json!([{"id": "9b2cf9a0-0000-4000-8000-000000000000", "deviceTime": "2026-03-01T11:00:00Z",
            "eventType": {"id": "EcuInstallationStarted", "version": 0},
            "event": {"ecu": SECONDARY, "correlationId": correlation}}]);
        assert_eq!(car.request(Method::POST, "events").json(&started).send().await.unwrap().status(), StatusCode::OK);
        otaru_store::testing::set_campaign_state(fleet.world.store(), campaign, state).await.unwrap();
        let nothing = car.directed().await;
        assert_eq!((&nothing["targets"], &nothing["custom"]["vehicleId"]), (&json!({}), &json!(VIN)), "{state}");
        assert!(nothing["version"].as_u64() > first["version"].as_u64());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_such_a_client_cannot_do_is_not_asked_of_it() {
    let mut fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    fleet.image("BCM-2.bin", "BCM", "2", b"the second").await;
    fleet.image("TCU-2.bin", "TCU", "2", b"another").await;
    let consent = Consent {
        mode: ConsentMode::Ask,
        texts: Default::default(),
        minutes: None,
        unavailable: Vec::new(),
        max_reminders: None,
        force_reason: None,
    };
    let day = |days: i64| (fleet.world.now + TimeDelta::days(days)).date_naive();
    let closed = Blackout { from: day(-1), to: day(1), reason: None };
    let body = [("BCM", "BCM-2.bin")];
    fleet.campaign_with(&[&vehicle], &body, |document| document.precondition = Some("soc > 1".into())).await;
    fleet.campaign_with(&[&vehicle], &body, |document| document.consent = Some(consent.clone())).await;
    fleet.campaign_with(&[&vehicle], &body, |document| document.windows.blackouts = vec![closed]).await;
    fleet.campaign(&[&vehicle], &[("TCU", "TCU-2.bin")]).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    assert_eq!(car.directed().await["targets"], json!({}));
    assert!(fleet.world.acks(&vehicle.vin).await.is_empty(), "nothing was offered");
    let waived = |document: &mut otaru_domain::document::CampaignDocument| {
        document.precondition = Some("soc > 1".into());
        document.precondition_waived = true;
        document.consent = Some(Consent { force_reason: Some("recall".into()), ..consent });
    };
    let campaign = fleet.campaign_with(&[&vehicle], &body, waived).await;
    assert_eq!(car.directed().await["custom"]["correlationId"], format!("urn:otaru:campaign:{campaign}:1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directors_keys_follow_one_another_by_a_root() {
    let mut fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    let first = car.directed().await;
    let next = [0; 3].map(|_| otaru_domain::tuf::Key::generate().unwrap());
    let publication = fleet.model.next_director(&public(&next), fleet.world.now);
    fleet.world.send_files(&fleet.model.id, publication.files).await;
    eventually("the root is served and its keys are missing", async || {
        (car.get("director/targets.json").await.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    write_keys(&fleet.keys.path().join("harbour"), &next);
    eventually("the new keys are found", async || {
        (car.get("director/targets.json").await.status() == StatusCode::OK).then_some(())
    })
    .await;
    let second = car.directed().await;
    assert!(second["version"].as_u64() > first["version"].as_u64());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_says_of_itself_becomes_attributes() {
    let fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    let car = Car::new(&fleet.world.gateway, &vehicle);
    let said = json!({"product": "Raspberry Pi", "width": 64, "children": [{"id": "core"}], "bad": "a\u{1}b"});
    for (method, call, body) in [
        (Method::PUT, "system_info", said.to_string()),
        (Method::PUT, "system_info/network", json!({"hostname": "pi"}).to_string()),
        (Method::POST, "system_info/config", "[tls]\nserver = \"x\"".to_owned()),
        (Method::PUT, "core/installed", json!([{"name": "bash", "version": "5"}]).to_string()),
        (
            Method::POST,
            "events",
            json!([{"id": "x", "eventType": {"id": "DevicePaused", "version": 0}, "event": {}}]).to_string(),
        ),
    ] {
        let response = car.request(method, call).body(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{call}");
    }
    let inventories = fleet.world.records(topic::INVENTORIES, &vehicle.vin).await;
    assert_eq!(inventories.len(), 1);
    let inventory: Value = serde_json::from_slice(inventories[0].value.as_deref().unwrap()).unwrap();
    assert_eq!(inventory["attributes"], json!({"system.product": "Raspberry Pi", "system.width": "64"}));
    for (call, body) in [("system_info", "[]"), ("core/installed", "{}"), ("system_info/network", "x")] {
        let response = car.request(Method::PUT, call).body(body).send().await.unwrap();
        assert!(response.status().is_client_error(), "{call}");
    }
}
