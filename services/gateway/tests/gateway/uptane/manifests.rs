//! Manifests over HTTP: what is written of one that is believed, and what of one that is not.

use std::collections::BTreeSet;

use otaru_domain::topic;
use otaru_store::uptane as rows;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::registration::header;
use super::rig::{Car, Ecu, Fleet, SECONDARY, VIN, result, signed};
use crate::world::problem;

#[tokio::test(flavor = "multi_thread")]
async fn what_each_ecu_said_is_kept_and_an_attack_is_seen() {
    let fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    car.ecus[1].attacks = "Root metadata size exceeds the limit".into();
    car.ecus[1].time = "2026-01-01T00:00:00Z".into();
    car.tell(Value::Null).await;
    let known = rows::ecus(fleet.world.store(), vehicle.id).await.unwrap();
    assert_eq!((known[0].inventoried.counter, known[1].inventoried.counter), (Some(1), None));
    assert_eq!(known[1].attacks_detected.as_deref(), Some("Root metadata size exceeds the limit"));
    assert_eq!(known[1].inventoried.time.unwrap().to_rfc3339(), "2026-01-01T00:00:00+00:00");
    assert_eq!(known[1].image_name.as_deref(), Some("BCM-1.bin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_is_dropped_is_answered_so_and_seen_by_people_once() {
    let fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    let early = car.manifest();
    assert_eq!(problem(car.put(&early).await).await["type"], "urn:otaru:problem:ecus-not-registered");
    car.register().await;
    let stranger = Ecu::new(SECONDARY, "BCM");
    let forged = car.manifest_with(Value::Null, |value| {
        value["ecu_version_manifests"][SECONDARY] = signed(&stranger.report(), &stranger.key);
    });
    for _ in 0..2 {
        let response = car.put(&forged).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        let said = problem(response).await;
        assert_eq!(said["type"], "urn:otaru:problem:manifest-ecu-signature");
        assert!(said["detail"].as_str().unwrap().contains(SECONDARY), "{said}");
    }
    let letters = fleet.world.records(topic::DEAD_LETTERS, &vehicle.vin).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (header(&letters[0], "reason"), header(&letters[0], "schema")),
        ("manifest_ecu_signature".into(), "uptane".into())
    );
    assert_eq!(letters[0].value.as_deref().unwrap(), serde_json::to_vec(&forged).unwrap());
    assert!(fleet.world.records(topic::INVENTORIES, &vehicle.vin).await.is_empty(), "nothing of it was taken");
    let known = rows::ecus(fleet.world.store(), vehicle.id).await.unwrap();
    assert_eq!(known[0].inventoried.counter, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_an_earlier_update_is_heard_and_a_made_up_one_is_not() {
    let fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    car.tell(result("urn:otaru:campaign:9:1", false, "DOWNLOAD_FAILED", &[])).await;
    car.tell(result("urn:here-ota:mtu:9b2cf9a0", false, "DOWNLOAD_FAILED", &[])).await;
    car.tell(result("urn:otaru:campaign:9:2", true, "OK", &[])).await;
    let acks = fleet.world.acks(&vehicle.vin).await;
    let said: Vec<_> =
        acks.iter().map(|ack| (&ack["campaign"], &ack["attempt"], &ack["state"], &ack["error_code"])).collect();
    assert_eq!(said, [(&json!(9), &json!(1), &json!("failed"), &json!("uptane-DOWNLOAD_FAILED"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_of_a_retired_release_is_still_known() {
    let mut fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    let digests = fleet.world.upload(b"the second").await;
    let release = otaru_store::testing::release(fleet.world.store(), "r", fleet.world.now).await.unwrap();
    let names = ("BCM", "BCM-2.3.0-r4.bin", "a.bin");
    otaru_store::testing::image(fleet.world.store(), release, "harbour", names, &digests, fleet.world.now)
        .await
        .unwrap();
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    car.ecus[1].image = ("BCM-2.3.0-r4.bin".into(), b"the second".to_vec());
    car.tell(Value::Null).await;
    let versions = async |fleet: &Fleet| -> Vec<String> {
        let records = fleet.world.records(topic::INVENTORIES, &vehicle.vin).await;
        let last: Value = serde_json::from_slice(records.last().unwrap().value.as_deref().unwrap()).unwrap();
        last["ecus"].as_array().unwrap().iter().map(|ecu| ecu["version"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(versions(&fleet).await[0], "2.3.0");
    // Of several ECUs of a kind the lowest version counts.
    fleet.image("BCM-3.bin", "BCM", "3.0.0", b"the third").await;
    let mut tx = fleet.world.store().begin().await.unwrap();
    let third = Ecu::new("secondary-3", "BCM");
    let key = otaru_domain::uptane::EcuKey::parse("ed25519", &third.key.public().keyval.public).unwrap();
    let new = rows::NewEcu {
        serial: "secondary-3".parse().unwrap(),
        hardware_id: "BCM".parse().unwrap(),
        is_primary: false,
        key,
    };
    rows::put(&mut tx, vehicle.id, &new, "somebody", fleet.world.now).await.unwrap();
    tx.commit().await.unwrap();
    car.ecus.push(third);
    car.ecus[2].image = ("BCM-3.bin".into(), b"the third".to_vec());
    car.tell(Value::Null).await;
    assert_eq!(versions(&fleet).await[0], "2.3.0");
    car.ecus[1].image = ("BCM-3.bin".into(), b"the third".to_vec());
    car.tell(Value::Null).await;
    assert_eq!(versions(&fleet).await[0], "3.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_arrives_many_times_at_once_counts_once() {
    let fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    let manifest = car.manifest_with(result("urn:otaru:campaign:9:1", false, "INSTALL_FAILED", &[]), |_| {});
    let all = futures::future::join_all((0..8).map(|_| car.put(&manifest))).await;
    let statuses: Vec<StatusCode> = all.iter().map(reqwest::Response::status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(*status, StatusCode::OK | StatusCode::CONFLICT)), "{statuses:?}");
    let acks = fleet.world.acks(&vehicle.vin).await;
    assert_eq!(acks.iter().map(|ack| ack["id"].to_string()).collect::<BTreeSet<_>>().len(), 1, "one report");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_is_refused_before_it_is_read() {
    let fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    let car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    for (method, call) in
        [(Method::PUT, "director/manifest"), (Method::POST, "director/ecus"), (Method::POST, "events")]
    {
        let response = car.request(method, call).body(vec![b' '; (512 << 10) + 1]).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{call}");
    }
    let events = vec![json!({"eventType": {"id": "x"}, "event": {}}); 1001];
    let response = car.request(Method::POST, "events").json(&events).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
