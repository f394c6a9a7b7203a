//! Requests that no device should send, by the thousand, and records that nobody should write: the gateway refuses what it
//! must and keeps working.

use std::path::Path;

use otaru_bus::Message;
use otaru_domain::ack::Ack;
use otaru_domain::inventory::Inventory;
use otaru_domain::topic;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::StatusCode;

use crate::fuzz;
use crate::fuzz::edits::edit;
use crate::world::{World, eventually};

const VIN: &str = "WVWZZZ1KZAW000001";
const CASES: u64 = 3_000;

#[tokio::test(flavor = "multi_thread")]
async fn no_request_breaks_the_gateway_or_gets_nonsense_onto_a_topic() {
    let world = World::start_with(|config| {
        config.rates.vehicle = None;
        config.rates.refused = None;
        config.proxies.trusted = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    let mut model = world.model("harbour").await;
    let image = vec![7; 1_000];
    let sha256 = world.image(&image).await;
    let publication = model.publish_image("BCM-2.3.0-r4.bin", &sha256, 1_000, world.now);
    world.publish(&model, publication).await;
    let vehicle = world.vehicle(VIN, &model).await;
    world.running_campaign(&mut model, &[&vehicle]).await;
    let values = [("vin", VIN), ("token", vehicle.token.as_str()), ("sha256", sha256.as_str())];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let seen = fuzz::storm(world.gateway.address, &folder, &values, CASES).await;
    for status in [200, 202, 400] {
        assert!(seen.iter().any(|(code, times)| *code == status && *times > 20), "the cases reach little: {seen:?}");
    }
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::OK);
    for record in world.bus.read_topic(topic::ACKS).await.unwrap() {
        let ack: Ack = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        assert_eq!(ack.vin.as_str(), VIN);
    }
    for record in world.bus.read_topic(topic::INVENTORIES).await.unwrap() {
        let inventory: Inventory = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        assert_eq!(inventory.vin.as_str(), VIN);
    }
}

/// Records made from `sound` ones by edits, keys and all; now and then one without a key or a value.
fn edited(sound: &[Message], cases: u64) -> Vec<Message> {
    let case = |case: u64| {
        let mut rng = SmallRng::seed_from_u64(case);
        let mut message = sound[rng.random_range(0..sound.len())].clone();
        let other = &sound[rng.random_range(0..sound.len())];
        for part in [&mut message.key, &mut message.value] {
            let Some(bytes) = part else { continue };
            for _ in 0..rng.random_range(0..3) {
                edit(&mut rng, bytes, other.value.as_deref().unwrap_or_default());
            }
            if rng.random_ratio(1, 20) {
                *part = None;
            }
        }
        message.headers = vec![(String::from_utf8_lossy(&[rng.random(), b'=']).into_owned(), vec![rng.random(); 9])];
        message
    };
    (0..cases).map(case).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_record_on_the_topics_stops_a_gateway_or_changes_what_it_serves() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let campaign = world.running_campaign(&mut model, &[&vehicle]).await;
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::OK);
    let producer = world.bus.producer().unwrap();
    let path = "/tuf/harbour/metadata/timestamp.json";
    let served = async || world.gateway.get(path).send().await.unwrap().bytes().await.unwrap();
    let before = served().await;

    let sound = |records: Vec<otaru_bus::Record>| -> Vec<Message> {
        let message = |one: otaru_bus::Record| Message { key: one.key, value: one.value, headers: Vec::new() };
        records.into_iter().map(message).collect()
    };
    let manifests = topic::manifests(&model.id);
    let files = sound(world.bus.read_topic(&manifests).await.unwrap());
    // Who may write a model's newest file is believed in that: its signature is the vehicles' to verify.
    let named = |message: &Message| {
        message.key.as_deref().is_some_and(|key| files.iter().any(|file| file.key.as_deref() == Some(key)))
    };
    let strange = edited(&files, CASES / 2).into_iter().filter(|message| !named(message)).collect();
    producer.send_all(&manifests, strange).await.unwrap();
    let revocation = Message {
        key: Some(vehicle.credential.to_string().into_bytes()),
        value: Some(
            format!("{{\"schema_version\":1,\"credential\":\"{}\",\"vin\":\"{VIN}\"}}", vehicle.credential).into(),
        ),
        headers: Vec::new(),
    };
    let own = revocation.key.clone();
    let strange = edited(&[revocation], CASES / 4).into_iter().filter(|message| message.key != own).collect();
    producer.send_all(topic::REVOCATIONS, strange).await.unwrap();
    let acks = sound(world.bus.read_topic(topic::ACKS).await.unwrap());
    // Of the vehicle's own attempt they would be news.
    let strange = edited(&acks, CASES / 2).into_iter().filter(|message| message.key != acks[0].key).collect();
    producer.send_all(topic::ACKS, strange).await.unwrap();

    let publication = model.publish_document(model.document(campaign + 1, world.now), world.now);
    world.publish(&model, publication).await;
    assert_ne!(served().await, before);
    assert_eq!(world.gateway.readyz().await, StatusCode::OK);
    // An offer waits until all of the topic is read.
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::OK);
    let second = world.second_gateway(|_| {}).await;
    eventually("a gateway that begins with all that serves the same", async || {
        let elsewhere = second.get(path).send().await.unwrap().bytes().await.unwrap();
        (elsewhere == served().await).then_some(())
    })
    .await;
    assert_eq!(second.poll(&vehicle).await.status(), StatusCode::OK);
}
