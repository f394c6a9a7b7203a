//! What vehicles hear: that their model has something new, that they should poll now.

use otaru_domain::assignment::AssignmentState;
use otaru_store::testing;
use serde_json::json;

use super::rig::{Client, Mosquitto, config};
use crate::world::World;

const VIN: &str = "WVWZZZ1KZAW000001";
const OTHER_VIN: &str = "WVWZZZ1KZAW000002";
const MANIFEST: &str = "otaru/v1/models/harbour/manifest";

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_version_of_a_model_is_retained_and_a_retired_ones_notice_is_gone() {
    let broker = Mosquitto::guarded(&[VIN]).await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let mut car = Client::connect(&broker, VIN, &[MANIFEST]).await;
    let mut model = world.model("harbour").await;
    let (topic, first) = car.json().await;
    assert_eq!((topic.as_str(), &first["version"], &first["model"]), (MANIFEST, &json!(1), &json!("harbour")));

    let publication = model.publish_document(model.document(7, world.now), world.now);
    world.publish(&model, publication).await;
    let (_, second) = car.json().await;
    assert_eq!(second["version"], 2);
    assert_ne!(first["sha256"], second["sha256"]);
    let mut late = Client::connect(&broker, VIN, &[MANIFEST]).await;
    let message = late.message().await;
    assert!(message.retain);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&message.payload).unwrap(), second);

    world.send_files(&model.id, vec![("timestamp.json".to_owned(), None)]).await;
    assert!(late.message().await.payload.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_comes_later_says_nothing_again_but_what_is_wrong() {
    let broker = Mosquitto::open().await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let mut model = world.model("harbour").await;
    let mut ears = Client::connect(&broker, "ears", &[MANIFEST]).await;
    assert_eq!(ears.json().await.1["version"], 1);
    let second = world.second_gateway(|options| options.mqtt = Some(config(broker.address, "gateway-2"))).await;
    ears.send(MANIFEST, None, None, "nonsense").await;
    assert_eq!(ears.message().await.payload.as_ref(), b"nonsense");
    assert_eq!(ears.json().await.1["version"], 1, "put right");
    let publication = model.publish_document(model.document(7, world.now), world.now);
    world.publish(&model, publication).await;
    while ears.json().await.1["version"] != 2 {}
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_vehicles_of_a_wave_that_opens_are_told_and_once() {
    let broker = Mosquitto::open().await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let second = world.second_gateway(|options| options.mqtt = Some(config(broker.address, "gateway-2"))).await;
    let mut model = world.model("harbour").await;
    let (vehicle, other) = (world.vehicle(VIN, &model).await, world.vehicle(OTHER_VIN, &model).await);
    let mut ears = Client::connect(&broker, "ears", &["otaru/v1/vehicles/+/notice"]).await;
    world.running_campaign(&mut model, &[&vehicle]).await;
    let (topic, notice) = ears.json().await;
    assert_eq!((topic, &notice["reason"]), (format!("otaru/v1/vehicles/{VIN}/notice"), &json!("offer")));
    // The next that is heard is another vehicle's.
    world.running_campaign(&mut model, &[&other]).await;
    let (topic, _) = ears.json().await;
    assert_eq!(topic, format!("otaru/v1/vehicles/{OTHER_VIN}/notice"));
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_an_open_wave_is_told_once_by_one_of_the_gateways() {
    let broker = Mosquitto::open().await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let second = world.second_gateway(|options| options.mqtt = Some(config(broker.address, "gateway-2"))).await;
    let mut model = world.model("harbour").await;
    let (vehicle, other) = (world.vehicle(VIN, &model).await, world.vehicle(OTHER_VIN, &model).await);
    let mut ears = Client::connect(&broker, "ears", &["otaru/v1/vehicles/+/notice"]).await;
    let campaign = world.running_campaign(&mut model, &[&vehicle]).await;
    assert_eq!(ears.json().await.0, format!("otaru/v1/vehicles/{VIN}/notice"));
    for joins in [&other, &vehicle] {
        testing::joined(world.store(), joins.id, campaign, world.now).await.unwrap();
        let (topic, notice) = ears.json().await;
        assert_eq!((topic, &notice["reason"]), (format!("otaru/v1/vehicles/{}/notice", joins.vin), &json!("offer")));
    }
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vehicle_that_is_to_try_again_is_told() {
    let broker = Mosquitto::guarded(&[VIN]).await;
    let world = World::start_with(|config| config.mqtt = Some(broker.config())).await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let mut car = Client::of(&broker, &vehicle).await;
    world.engine_says(&vehicle.vin, 7, AssignmentState::Cancelled).await;
    world.engine_says(&vehicle.vin, 7, AssignmentState::Assigned).await;
    let (topic, notice) = car.json().await;
    assert_eq!((topic, &notice["reason"]), (format!("otaru/v1/vehicles/{VIN}/notice"), &json!("attempt")));
}
