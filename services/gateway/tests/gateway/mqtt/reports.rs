//! Reports by way of the broker: as over HTTP, and for oneself alone.

use std::sync::atomic::{AtomicU64, Ordering};

use otaru_domain::id::Vin;
use otaru_domain::{token, topic};
use rumqttc::v5::mqttbytes::v5::PubAckReason;
use serde_json::{Value, json};

use super::rig::{Client, Mosquitto, Tap, acks, config};
use crate::world::{World, eventually};

const VIN: &str = "WVWZZZ1KZAW000001";
const OTHER_VIN: &str = "WVWZZZ1KZAW000002";

pub fn report(sequence: u64, state: &str) -> Value {
    json!({"campaign": 7, "attempt": 1, "sequence": sequence, "state": state})
}

async fn arrived(world: &World, vin: &Vin, count: usize) -> Vec<Value> {
    eventually("the reports are on their topic", async || {
        Some(world.acks(vin).await).filter(|acks| acks.len() >= count)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_arrives_as_one_over_http_does() {
    let broker = Mosquitto::guarded(&[VIN]).await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let mut car = Client::of(&broker, &vehicle).await;
    let posted = world.gateway.post_acks(&vehicle, "application/json", report(1, "accepted").to_string()).await;
    assert_eq!(posted.status(), 202);
    car.report(&vehicle, report(1, "accepted").to_string()).await;
    assert_eq!(car.puback().await, PubAckReason::Success);
    let acks = arrived(&world, &vehicle.vin, 2).await;
    let without_time = |ack: &Value| {
        let mut ack = ack.clone();
        ack.as_object_mut().unwrap().remove("received_at").unwrap();
        ack
    };
    assert_eq!(without_time(&acks[0]), without_time(&acks[1]));
    let records = world.records(topic::ACKS, &vehicle.vin).await;
    assert_eq!((&records[0].key, &records[0].headers), (&records[1].key, &records[1].headers));
    assert_eq!(records[0].partition, records[1].partition);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_refused_is_answered_once_and_keeps_nobody_else_waiting() {
    let broker = Mosquitto::guarded(&[VIN]).await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let mut car = Client::of(&broker, &vehicle).await;
    let bearer = format!("Bearer {}", vehicle.token);
    let expired = token::Claims { exp: world.now.timestamp() - 1, ..world.claims(&vehicle.vin, vehicle.id, &model.id) };
    let expired = format!("Bearer {}", token::issue(&expired, &world.token_key).unwrap());
    let good = report(1, "accepted").to_string();
    let (topic, own, json) = (acks(VIN), Some(bearer.as_str()), Some("application/json"));
    let cases = [
        (own, json, "{".to_owned(), 400, None),
        (own, json, report(1, "offered").to_string(), 422, Some("/state")),
        (own, Some("text/plain"), good.clone(), 415, None),
        (own, json, " ".repeat(1_048_577), 413, None),
        (None, json, good.clone(), 401, None),
        (Some("Bearer none-of-ours"), json, good.clone(), 401, None),
        (Some(expired.as_str()), json, good.clone(), 401, None),
        (Some(vehicle.token.as_str()), json, good.clone(), 401, None),
    ];
    for (token, kind, body, status, pointer) in cases {
        car.send(&topic, token, kind, body).await;
        let answer = car.message().await;
        let refusal: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(answer.topic, format!("{topic}/refused"));
        assert_eq!(refusal["status"], status, "{refusal}");
        assert!(refusal["type"].as_str().unwrap().starts_with("urn:otaru:problem:"), "{refusal}");
        let properties = answer.properties.unwrap();
        assert_eq!(properties.content_type.as_deref(), Some("application/problem+json"));
        assert_eq!(properties.correlation_data.as_deref(), Some(b"mine".as_slice()));
        if let Some(pointer) = pointer {
            assert_eq!(refusal["pointer"], pointer, "{refusal}");
        }
    }
    // Lines that are none are named and put aside, as over HTTP; the next message is about them, so nothing came twice.
    let lines = format!("{}\nno report\n{}\n", report(2, "accepted"), report(3, "downloading"));
    car.send(&topic, own, Some("application/x-ndjson"), lines).await;
    let (_, refusal) = car.json().await;
    assert_eq!((&refusal["status"], &refusal["rejected"][0]["line"]), (&json!(422), &json!(2)), "{refusal}");
    car.report(&vehicle, report(4, "installed").to_string()).await;
    let acks = arrived(&world, &vehicle.vin, 3).await;
    assert_eq!(acks.iter().map(|ack| ack["sequence"].clone()).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(world.records(topic::DEAD_LETTERS, &vehicle.vin).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_brokers_acl_keeps_a_vehicle_from_reporting_for_another() {
    let broker = Mosquitto::guarded(&[VIN, OTHER_VIN]).await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let model = world.model("harbour").await;
    let (vehicle, other) = (world.vehicle(VIN, &model).await, world.vehicle(OTHER_VIN, &model).await);
    // Even with the other's own token: the broker never lets it through. A client each: mosquitto 2.0.11 may drop one after that.
    let mut thief = Client::of(&broker, &vehicle).await;
    thief
        .send(&acks(OTHER_VIN), Some(&format!("Bearer {}", other.token)), None, report(1, "installed").to_string())
        .await;
    assert_eq!(thief.puback().await, PubAckReason::NotAuthorized);
    let mut liar = Client::of(&broker, &vehicle).await;
    liar.send("otaru/v1/models/harbour/manifest", None, None, "{}").await;
    assert_eq!(liar.puback().await, PubAckReason::NotAuthorized);
    let car = Client::of(&broker, &vehicle).await;
    // Nor does it hear another's reports, which hold tokens.
    let mut ears =
        Client::connect(&broker, OTHER_VIN, &["otaru/v1/vehicles/+/acks", &format!("{}/refused", acks(OTHER_VIN))])
            .await;
    car.report(&vehicle, report(1, "accepted").to_string()).await;
    arrived(&world, &vehicle.vin, 1).await;
    ears.send(&acks(OTHER_VIN), None, None, "{}").await;
    assert_eq!(ears.message().await.topic, format!("{}/refused", acks(OTHER_VIN)));
    assert!(world.acks(&other.vin).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_does_not_believe_the_broker_who_reports() {
    let broker = Mosquitto::open().await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let model = world.model("harbour").await;
    let (vehicle, other) = (world.vehicle(VIN, &model).await, world.vehicle(OTHER_VIN, &model).await);
    let mut ears = Client::connect(&broker, "ears", &["otaru/v1/vehicles/+/acks/refused"]).await;
    let car = Client::of(&broker, &vehicle).await;
    let installed = report(1, "installed").to_string();
    for (authorization, status) in [(Some(format!("Bearer {}", vehicle.token)), 403), (None, 401)] {
        car.send(&acks(OTHER_VIN), authorization.as_deref(), None, installed.clone()).await;
        let (topic, refusal) = ears.json().await;
        assert_eq!((topic, &refusal["status"]), (format!("{}/refused", acks(OTHER_VIN)), &json!(status)));
    }
    // What is no VIN is answered nowhere, and is not in the way of what follows.
    car.send("otaru/v1/vehicles/nobody/acks", None, None, installed.clone()).await;
    car.report(&vehicle, installed).await;
    arrived(&world, &vehicle.vin, 1).await;
    assert!(world.acks(&other.vin).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_share_the_reports() {
    let broker = Mosquitto::open().await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let second = world.second_gateway(|options| options.mqtt = Some(config(broker.address, "gateway-2"))).await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let car = Client::of(&broker, &vehicle).await;
    for sequence in 1..=20 {
        car.report(&vehicle, report(sequence, "downloading").to_string()).await;
    }
    let acks = arrived(&world, &vehicle.vin, 20).await;
    let mut sequences: Vec<u64> = acks.iter().map(|ack| ack["sequence"].as_u64().unwrap()).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=20).collect::<Vec<_>>(), "each once");
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_goes_for_good_takes_no_reports_with_it() {
    let broker = Mosquitto::open().await;
    let tap = Tap::to(&broker).await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let car = Client::of(&broker, &vehicle).await;
    let mut leaving = world
        .second_gateway(|options| {
            let mut mqtt = config(tap.address, "gateway-2");
            mqtt.leave = true;
            options.mqtt = Some(mqtt);
        })
        .await;
    let sent = AtomicU64::new(0);
    eventually("the second has its share", async || {
        let sequence = sent.fetch_add(1, Ordering::Relaxed) + 1;
        car.report(&vehicle, report(sequence, "downloading").to_string()).await;
        (tap.count("\"sequence\":") > 0).then_some(())
    })
    .await;
    leaving.stop().await;
    let sent = sent.into_inner();
    for sequence in sent + 1..=sent + 10 {
        car.report(&vehicle, report(sequence, "downloading").to_string()).await;
    }
    let all = usize::try_from(sent).unwrap() + 10;
    let acks = arrived(&world, &vehicle.vin, all).await;
    let mut sequences: Vec<u64> = acks.iter().map(|ack| ack["sequence"].as_u64().unwrap()).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=sent + 10).collect::<Vec<_>>());
}
