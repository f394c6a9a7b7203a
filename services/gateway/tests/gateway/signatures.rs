//! Reports that vehicles sign, as a gateway takes them or tells why not.

use otaru_domain::ack::{AckReport, ReportedState, SignaturePolicy};
use otaru_domain::inventory::{EcuReport, InventoryReport};
use otaru_domain::token;
use otaru_domain::topic;
use otaru_domain::tuf::Key;
use otaru_store::testing;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::ddi::rig::{Device, campaign};
use crate::model::Model;
use crate::mqtt::rig::{Client, Mosquitto};
use crate::world::{Vehicle, World, eventually, problem};

const VIN: &str = "WVWZZZ1KZAW000001";
const OTHER_VIN: &str = "WVWZZZ1KZAW000002";
const JSON: &str = "application/json";

/// A model whose vehicles must sign.
async fn signing_model(world: &World) -> Model {
    let model = world.model("harbour").await;
    testing::set_ack_signatures(world.store(), &model.id, SignaturePolicy::Required).await.unwrap();
    model
}

/// A vehicle whose token was issued with the public part of `key`.
async fn signing_vehicle(world: &World, vin: &str, model: &Model, key: &Key) -> Vehicle {
    let vehicle = world.vehicle(vin, model).await;
    let ack_key = Some(key.public().keyval.public.clone());
    let claims = token::Claims { ack_key, ..world.claims(&vehicle.vin, vehicle.id, &model.id) };
    Vehicle { token: token::issue(&claims, &world.token_key).unwrap(), ..vehicle }
}

fn report(sequence: u64) -> AckReport {
    AckReport { log: Some("a line".into()), ..AckReport::of(7, 1, sequence, ReportedState::Accepted) }
}

fn signed(sequence: u64, vehicle: &Vehicle, key: &Key) -> Value {
    serde_json::to_value(report(sequence).signed(&vehicle.vin, key).unwrap()).unwrap()
}

/// The pointer of the problem with which a report alone is refused.
async fn refused(world: &World, vehicle: &Vehicle, report: &Value) -> String {
    let response = world.gateway.post_acks(vehicle, JSON, report.to_string()).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN, "{report}");
    let problem = problem(response).await;
    assert_eq!(problem["type"], "urn:otaru:problem:signature");
    problem["pointer"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_vehicles_sign_only_their_own_word_is_taken() {
    let world = World::start().await;
    let model = signing_model(&world).await;
    let (key, other_key) = (Key::generate().unwrap(), Key::generate().unwrap());
    let vehicle = signing_vehicle(&world, VIN, &model, &key).await;
    let other = signing_vehicle(&world, OTHER_VIN, &model, &other_key).await;

    assert_eq!(refused(&world, &vehicle, &serde_json::to_value(report(1)).unwrap()).await, "/signature");
    assert_eq!(refused(&world, &vehicle, &signed(1, &vehicle, &other_key)).await, "/signature/key");
    // Another vehicle's report, sent by this one as its own.
    assert_eq!(refused(&world, &vehicle, &signed(1, &other, &other_key)).await, "/signature/key");
    let mut replayed = signed(1, &vehicle, &key);
    replayed["attempt"] = json!(2);
    assert_eq!(refused(&world, &vehicle, &replayed).await, "/signature/sig");
    let mut changed = signed(1, &vehicle, &key);
    changed["log"] = json!("another line");
    assert_eq!(refused(&world, &vehicle, &changed).await, "/signature/sig");
    assert!(world.acks(&vehicle.vin).await.is_empty());

    let good = signed(1, &vehicle, &key);
    let response = world.gateway.post_acks(&vehicle, JSON, good.to_string()).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let acks = world.acks(&vehicle.vin).await;
    assert_eq!((acks.len(), &acks[0]["signature"]), (1, &good["signature"]), "the next reader can verify it, too");
    assert!(
        world.records(topic::DEAD_LETTERS, &vehicle.vin).await.is_empty(),
        "what is refused is its sender's to keep"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_line_whose_signature_does_not_hold_spoils_no_other() {
    let world = World::start().await;
    let model = signing_model(&world).await;
    let (key, other_key) = (Key::generate().unwrap(), Key::generate().unwrap());
    let vehicle = signing_vehicle(&world, VIN, &model, &key).await;
    let lines =
        [signed(1, &vehicle, &key), signed(2, &vehicle, &other_key), json!({"campaign": 7}), signed(4, &vehicle, &key)];
    let body = lines.map(|line| line.to_string()).join("\n");
    let response = world.gateway.post_acks(&vehicle, "application/x-ndjson", body).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let receipt: Value = response.json().await.unwrap();
    assert_eq!(receipt["accepted"], 2);
    let rejected: Vec<_> =
        receipt["rejected"].as_array().unwrap().iter().map(|one| (&one["line"], &one["reason"])).collect();
    assert_eq!(rejected, [(&json!(2), &json!("signature")), (&json!(3), &json!("unparsable"))]);
    let sequences: Vec<_> = world.acks(&vehicle.vin).await.iter().map(|ack| ack["sequence"].clone()).collect();
    assert_eq!(sequences, [1, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_credential_counts_and_a_signature_nobody_asked_for_must_hold() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let key = Key::generate().unwrap();
    let (vehicle, other) = (world.vehicle(VIN, &model).await, world.vehicle(OTHER_VIN, &model).await);
    let public = key.public().bytes().unwrap();
    testing::ack_key(world.store(), vehicle.id, public, world.now).await.unwrap();
    let post = async |of: &Vehicle, report: Value| world.gateway.post_acks(of, JSON, report.to_string()).await.status();
    assert_eq!(post(&vehicle, signed(1, &vehicle, &key)).await, StatusCode::ACCEPTED);
    assert_eq!(post(&vehicle, serde_json::to_value(report(2)).unwrap()).await, StatusCode::ACCEPTED);
    assert_eq!(refused(&world, &other, &signed(1, &other, &key)).await, "/signature/key");
    testing::set_ack_signatures(world.store(), &model.id, SignaturePolicy::Off).await.unwrap();
    let second = world.second_gateway(|_| {}).await;
    let unheard = second.post_acks(&other, JSON, signed(1, &other, &key).to_string()).await;
    assert_eq!(unheard.status(), StatusCode::ACCEPTED, "nobody looks");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_vehicles_sign_their_inventories_only_their_own_word_is_taken() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    testing::set_signatures(world.store(), &model.id, SignaturePolicy::Required).await.unwrap();
    let (key, other_key) = (Key::generate().unwrap(), Key::generate().unwrap());
    let vehicle = signing_vehicle(&world, VIN, &model, &key).await;
    let ecu = EcuReport { hardware_id: "BCM".parse().unwrap(), version: "2".into(), serial: None };
    let report = InventoryReport::of(vec![ecu], Default::default(), None);
    let put = async |report: &Value| {
        let path = format!("http://{}/vehicle/v1/{VIN}/inventory", world.gateway.address);
        let request = reqwest::Client::new().put(path).bearer_auth(&vehicle.token).json(report);
        request.send().await.unwrap()
    };
    let signed = |key: &Key| serde_json::to_value(report.clone().signed(&vehicle.vin, 3, key).unwrap()).unwrap();
    let mut changed = signed(&key);
    changed["ecus"][0]["version"] = json!("3");
    let bare = serde_json::to_value(&report).unwrap();
    for (said, pointer) in
        [(&bare, "/signature"), (&signed(&other_key), "/signature/key"), (&changed, "/signature/sig")]
    {
        let response = put(said).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{said}");
        let problem = problem(response).await;
        assert_eq!((&problem["type"], &problem["pointer"]), (&json!("urn:otaru:problem:signature"), &json!(pointer)));
    }
    let device = Device::new(&world.gateway, &vehicle);
    let config = device.request(reqwest::Method::PUT, "/configData").json(&json!({"data": {"radio": "5G"}}));
    assert_eq!(config.send().await.unwrap().status(), StatusCode::FORBIDDEN, "DDI has no signatures");
    assert!(world.records(topic::INVENTORIES, &vehicle.vin).await.is_empty());

    let good = signed(&key);
    assert_eq!(put(&good).await.status(), StatusCode::ACCEPTED);
    let written = world.records(topic::INVENTORIES, &vehicle.vin).await;
    let written: Value = serde_json::from_slice(written[0].value.as_deref().unwrap()).unwrap();
    assert_eq!((&written["signature"], &written["sequence"]), (&good["signature"], &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_mqtt_signatures_count_as_over_http() {
    let broker = Mosquitto::guarded(&[VIN]).await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let model = signing_model(&world).await;
    let key = Key::generate().unwrap();
    let vehicle = signing_vehicle(&world, VIN, &model, &key).await;
    let mut car = Client::of(&broker, &vehicle).await;
    car.report(&vehicle, serde_json::to_vec(&report(1)).unwrap()).await;
    let (topic, refusal) = car.json().await;
    assert_eq!(topic, format!("otaru/v1/vehicles/{VIN}/acks/refused"));
    assert_eq!((&refusal["type"], &refusal["status"]), (&json!("urn:otaru:problem:signature"), &json!(403)));
    car.report(&vehicle, signed(2, &vehicle, &key).to_string()).await;
    let acks = eventually("the signed one arrives", async || {
        Some(world.acks(&vehicle.vin).await).filter(|acks| !acks.is_empty())
    });
    assert_eq!(acks.await[0]["sequence"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_speaks_ddi_is_offered_nothing_it_could_not_report() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    campaign(&world, &mut model, &[&vehicle], b"image").await;
    let device = Device::new(&world.gateway, &vehicle);
    let link = device.link("deploymentBase").await.unwrap();
    testing::set_ack_signatures(world.store(), &model.id, SignaturePolicy::Required).await.unwrap();
    let second = world.second_gateway(|_| {}).await;
    let elsewhere = Device::new(&second, &vehicle);
    assert_eq!(elsewhere.link("deploymentBase").await, None);
    assert_eq!(elsewhere.get(&link).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(elsewhere.feedback(&link, "closed", "success").await, StatusCode::FORBIDDEN);
    assert!(world.acks(&vehicle.vin).await.iter().all(|ack| ack["state"] == "offered"));
}
