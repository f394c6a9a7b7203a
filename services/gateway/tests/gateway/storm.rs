//! Requests that no device should send, by the thousand: the gateway refuses what it must and keeps working.

use std::path::Path;

use otaru_domain::ack::Ack;
use otaru_domain::inventory::Inventory;
use otaru_domain::topic;
use reqwest::StatusCode;

use crate::fuzz;
use crate::world::World;

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
