//! The attacks that Uptane is made against (Standard 2.1.0, 4.3), as far as they go by way of the server: each with what an
//! attacker holds, by its name. What a vehicle makes of a hostile server is in the tests of the vehicle, under the same names.

use otaru_domain::topic;
use otaru_gateway::Rates;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::rig::{Car, EPOCH, Fleet, OTHER, PRIMARY, SECONDARY, VIN, result, signed};
use crate::world::{Vehicle, header, problem};

/// A vehicle that told once what it runs.
async fn told() -> (Fleet, Vehicle) {
    let fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    (fleet, vehicle)
}

async fn is_dropped(car: &Car, manifest: &Value, code: &str) {
    let said = problem(car.put(manifest).await).await;
    assert_eq!(said["type"], format!("urn:otaru:problem:{code}"), "{said}");
}

/// Somebody on the way, or with another vehicle's credential, reads what a vehicle is told.
#[tokio::test(flavor = "multi_thread")]
async fn eavesdropping_only_the_vehicle_itself_reads_what_it_is_directed_to() {
    let (mut fleet, vehicle) = told().await;
    let other = fleet.world.vehicle(OTHER, &fleet.model).await;
    fleet.image("BCM-2.bin", "BCM", "2", b"the second").await;
    fleet.campaign(&[&vehicle], &[("BCM", "BCM-2.bin")]).await;
    let (mut car, mut other) = (Car::new(&fleet.world.gateway, &vehicle), Car::new(&fleet.world.gateway, &other));
    car.register().await;
    other.register().await;
    let response = car.get("director/targets.json").await;
    assert_eq!(header(&response, "cache-control"), "no-store", "no cache on the way keeps it for others");
    assert_eq!(other.directed().await["targets"], json!({}), "another vehicle is told nothing of it");
    for call in ["director/targets.json", "director/snapshot.json", "repo/targets.json", "repo/targets/BCM-2.bin"] {
        let response = fleet.world.gateway.get(&format!("/uptane/{call}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{call}");
    }
    assert_eq!(car.directed().await["targets"].as_object().unwrap().len(), 1);
}

/// Reports are lost on the way: the vehicle says the same again, with its next counter.
#[tokio::test(flavor = "multi_thread")]
async fn drop_request_a_report_that_was_lost_is_taken_from_the_next_manifest() {
    let (mut fleet, vehicle) = told().await;
    fleet.image("BCM-2.bin", "BCM", "2", b"the second").await;
    fleet.campaign(&[&vehicle], &[("BCM", "BCM-2.bin")]).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    let correlation = car.install(|_| true).await.unwrap();
    for _ in 0..3 {
        drop(car.manifest_with(result(&correlation, true, "OK", &[(SECONDARY, true)]), |_| {}));
    }
    car.tell(Value::Null).await;
    let acks = fleet.world.acks(&vehicle.vin).await;
    assert_eq!(acks.last().unwrap()["state"], "installed", "what the ECUs run says it without a report, too");
}

/// A client takes an answer so slowly, or sends so slowly, that others are not served.
#[tokio::test(flavor = "multi_thread")]
async fn slow_retrieval_a_download_goes_on_where_it_broke_off() {
    let (mut fleet, vehicle) = told().await;
    let bytes = vec![7; 100_000];
    fleet.image("BCM-2.bin", "BCM", "2", &bytes).await;
    let car = Car::new(&fleet.world.gateway, &vehicle);
    let first = car.request(Method::GET, "repo/targets/BCM-2.bin").header("range", "bytes=0-999").send().await.unwrap();
    assert_eq!(first.status(), StatusCode::PARTIAL_CONTENT);
    let rest = car.request(Method::GET, "repo/targets/BCM-2.bin").header("range", "bytes=1000-").send().await.unwrap();
    assert_eq!(rest.bytes().await.unwrap().len(), 99_000);
    let after =
        car.request(Method::GET, "repo/targets/BCM-2.bin").header("range", "bytes=100000-").send().await.unwrap();
    assert_eq!(after.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}

/// Old metadata is held in place of new: it has an end that a client sees.
#[tokio::test(flavor = "multi_thread")]
async fn freeze_what_the_director_signs_ends_within_a_day() {
    let (fleet, vehicle) = told().await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    for file in ["director/targets.json", "director/snapshot.json", "director/timestamp.json", "repo/timestamp.json"] {
        let signed = car.file(file).await["signed"].clone();
        let expires: chrono::DateTime<chrono::Utc> = signed["expires"].as_str().unwrap().parse().unwrap();
        let left = expires - otaru_domain::clock::now();
        assert!(left <= chrono::TimeDelta::days(1) && left > chrono::TimeDelta::hours(11), "{file}: {left}");
    }
    assert_eq!(car.directed().await["custom"]["vehicleId"], VIN, "nor can another vehicle's empty targets be shown");
}

/// Some ECUs get their image and others do not: the update is not done.
#[tokio::test(flavor = "multi_thread")]
async fn partial_bundle_an_update_is_installed_only_when_every_ecu_proves_it() {
    let (mut fleet, vehicle) = told().await;
    fleet.image("GW-2.bin", "GW", "2", b"gateway two").await;
    fleet.image("BCM-2.bin", "BCM", "2", b"body two").await;
    fleet.campaign(&[&vehicle], &[("BCM", "BCM-2.bin"), ("GW", "GW-2.bin")]).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    let correlation = car.install(|serial| serial == PRIMARY).await.unwrap();
    car.tell(result(&correlation, true, "OK", &[(PRIMARY, true), (SECONDARY, true)])).await;
    let acks = fleet.world.acks(&vehicle.vin).await;
    assert!(acks.iter().all(|ack| ack["state"] != "installed"), "whatever the Primary says: {acks:?}");
    let missing = car.manifest_with(Value::Null, |value| {
        value["ecu_version_manifests"].as_object_mut().unwrap().remove(SECONDARY);
    });
    is_dropped(&car, &missing, "manifest-ecu-missing").await;
}

/// Somebody floods the Director, or has it work for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn denial_of_service_who_asks_too_often_or_too_much_is_turned_away() {
    let (fleet, vehicle) = told().await;
    let folder = fleet.keys.path().to_owned();
    let strict = fleet.world.second_gateway(|config| {
        config.uptane = Some(otaru_gateway::UptaneConfig { director_keys: folder });
        config.rates = Rates { vehicle: std::num::NonZeroU32::new(5), ..Rates::default() };
    });
    let strict = strict.await;
    let other = fleet.world.vehicle(OTHER, &fleet.model).await;
    let (car, other) = (Car::new(&strict, &vehicle), Car::new(&strict, &other));
    let mut last = StatusCode::OK;
    for _ in 0..6 {
        last = car.get("repo/timestamp.json").await.status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(other.register().await.status(), StatusCode::OK, "others are served");
    let mut deep = json!(1);
    for _ in 0..120 {
        deep = json!([deep]);
    }
    let bad = json!({"signatures": [], "signed": {"a": deep}});
    let car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    is_dropped(&car, &bad, "manifest-signature").await;
    let many = json!({"signatures": vec![json!({"keyid": "", "method": "ed25519", "sig": ""}); 1000], "signed": {}});
    is_dropped(&car, &many, "manifest-signature").await;
}

/// An old manifest is sent again, so that the server believes an old state.
#[tokio::test(flavor = "multi_thread")]
async fn rollback_an_old_manifest_is_not_believed_again() {
    let (fleet, vehicle) = told().await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    let old = car.manifest();
    assert_eq!(car.put(&old).await.status(), StatusCode::OK);
    car.ecus[1].time = "2026-01-02T00:00:00Z".into();
    car.tell(Value::Null).await;
    is_dropped(&car, &old, "manifest-replayed").await;
    car.ecus[1].time = EPOCH.into();
    let older = car.manifest();
    is_dropped(&car, &older, "manifest-time-went-back").await;
    let letters = fleet.world.records(topic::DEAD_LETTERS, &vehicle.vin).await;
    assert_eq!(letters.len(), 2, "each is seen");
}

/// A body without an end.
#[tokio::test(flavor = "multi_thread")]
async fn endless_data_a_manifest_is_read_no_further_than_any_vehicle_needs() {
    let (fleet, vehicle) = told().await;
    let car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 64 << 10]));
    let sent = car.request(Method::PUT, "director/manifest").body(reqwest::Body::wrap_stream(endless)).send().await;
    if let Ok(response) = sent {
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert_eq!(car.get("repo/timestamp.json").await.status(), StatusCode::OK, "and serves on");
}

/// Parts of different manifests, or of different vehicles, are put together.
#[tokio::test(flavor = "multi_thread")]
async fn mix_and_match_reports_of_another_time_or_vehicle_are_not_believed() {
    let (fleet, vehicle) = told().await;
    let other = fleet.world.vehicle(OTHER, &fleet.model).await;
    let (mut car, mut other) = (Car::new(&fleet.world.gateway, &vehicle), Car::new(&fleet.world.gateway, &other));
    car.register().await;
    other.register().await;
    let of_other = other.manifest();
    is_dropped(&car, &of_other, "manifest-signature").await;
    let theirs = of_other["signed"]["ecu_version_manifests"][SECONDARY].clone();
    let mixed = car.manifest_with(Value::Null, |value| value["ecu_version_manifests"][SECONDARY] = theirs);
    is_dropped(&car, &mixed, "manifest-ecu-signature").await;
    let swapped = car.manifest_with(Value::Null, |value| {
        let own = value["ecu_version_manifests"][PRIMARY].clone();
        value["ecu_version_manifests"][SECONDARY] = own;
    });
    is_dropped(&car, &swapped, "manifest-ecu-signature").await;
    // A Secondary that counts: its part of an earlier manifest, under a new one of the Primary.
    let counted = |car: &Car, counter: u64| {
        let mut said = car.ecus[1].report();
        said["report_counter"] = counter.into();
        signed(&said, &car.ecus[1].key)
    };
    let old = counted(&car, 1);
    car.ecus[1].image.1 = b"another".to_vec();
    let new = counted(&car, 2);
    let manifest = car.manifest_with(Value::Null, |value| value["ecu_version_manifests"][SECONDARY] = new);
    assert_eq!(car.put(&manifest).await.status(), StatusCode::OK);
    let mixed = car.manifest_with(Value::Null, |value| value["ecu_version_manifests"][SECONDARY] = old);
    is_dropped(&car, &mixed, "manifest-replayed").await;
}

/// Something else runs under the name of an image, or somebody without the ECUs' keys says that all is well.
#[tokio::test(flavor = "multi_thread")]
async fn arbitrary_software_is_not_taken_for_ours_and_a_forged_success_for_none() {
    let (mut fleet, vehicle) = told().await;
    fleet.image("BCM-2.bin", "BCM", "2", b"the second").await;
    let campaign = fleet.campaign(&[&vehicle], &[("BCM", "BCM-2.bin")]).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    car.register().await;
    car.install(|_| false).await.unwrap();
    car.ecus[1].image = ("BCM-2.bin".into(), b"something else".to_vec());
    let manifest = car.manifest();
    is_dropped(&car, &manifest, "manifest-image-differs").await;
    // With the vehicle's credential alone: neither events nor a manifest of other keys end anything.
    let events = json!([{"eventType": {"id": "EcuInstallationCompleted"}, "event": {"success": true,
                         "correlationId": format!("urn:otaru:campaign:{campaign}:1")}}]);
    assert_eq!(car.request(Method::POST, "events").json(&events).send().await.unwrap().status(), StatusCode::OK);
    let mut thief = car.thief();
    thief.ecus[1].image = ("BCM-2.bin".into(), b"the second".to_vec());
    let forged = thief.manifest();
    is_dropped(&thief, &forged, "manifest-signature").await;
    assert_eq!(thief.register().await.status(), StatusCode::CONFLICT, "and other keys take a person");
    let acks = fleet.world.acks(&vehicle.vin).await;
    assert!(acks.iter().all(|ack| ack["state"] != "installed"), "{acks:?}");
}
