//! What is lost when something is away: nothing.

use otaru_embedded::Broker;
use reqwest::StatusCode;
use serde_json::Value;

use super::reports::report;
use super::rig::{Client, Mosquitto, Tap, config};
use crate::world::{Gateway, Vehicle, World, bus_config, eventually};

const VIN: &str = "WVWZZZ1KZAW000001";

async fn sequences(world: &World, vehicle: &Vehicle) -> Vec<u64> {
    world.acks(&vehicle.vin).await.iter().map(|ack: &Value| ack["sequence"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_whose_gateway_dies_before_kafka_has_it_arrives_by_the_next() {
    let broker = Mosquitto::guarded(&[VIN]).await;
    let tap = Tap::to(&broker).await;
    let mut world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let mut doomed = world.second_gateway(|options| options.mqtt = Some(config(tap.address, "gateway-1"))).await;
    let car = Client::of(&broker, &vehicle).await;
    car.report(&vehicle, report(1, "accepted").to_string()).await;
    eventually("the way is open", async || (sequences(&world, &vehicle).await == [1]).then_some(())).await;

    let kafka = world.broker.take().unwrap();
    let address = kafka.address();
    let bus = bus_config(&kafka);
    kafka.stop().await;
    car.report(&vehicle, report(2, "downloading").to_string()).await;
    eventually("the gateway has the report", async || (tap.count("\"sequence\":2") == 1).then_some(())).await;
    doomed.kill().await;

    world.broker = Some(Broker::start(world.folder.path(), address).await.unwrap());
    assert_eq!(sequences(&world, &vehicle).await, [1], "nobody has it but the MQTT broker");
    let artifacts = format!("file://{}", world.folder.path().join("artifacts").display());
    let mut options = otaru_gateway::Config::new(([127, 0, 0, 1], 0).into(), world.database_config(), bus, artifacts);
    options.mqtt = Some(config(tap.address, "gateway-1"));
    let next = Gateway::start(options).await;
    next.ready().await;
    // Reports keep their order, so with the third the second has come as often as it will.
    car.report(&vehicle, report(3, "downloaded").to_string()).await;
    let all = eventually("all is there", async || {
        Some(sequences(&world, &vehicle).await).filter(|sequences| sequences.contains(&3))
    })
    .await;
    assert_eq!(all, [1, 2, 3]);
    assert_eq!(tap.count("\"sequence\":2"), 2, "once to each gateway");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_kafka_away_reports_wait_with_the_broker_and_not_in_memory() {
    const AHEAD: u16 = 4;
    let broker = Mosquitto::guarded(&[VIN]).await;
    let tap = Tap::to(&broker).await;
    let mut world = World::start_with(|options| {
        let mut mqtt = config(tap.address, "gateway-1");
        mqtt.receive_maximum = AHEAD.try_into().unwrap();
        options.mqtt = Some(mqtt);
    })
    .await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let mut car = Client::of(&broker, &vehicle).await;
    car.report(&vehicle, report(1, "accepted").to_string()).await;
    eventually("the way is open", async || (sequences(&world, &vehicle).await == [1]).then_some(())).await;
    car.puback().await;

    let kafka = world.broker.take().unwrap();
    let address = kafka.address();
    kafka.stop().await;
    for sequence in 2..=20 {
        car.report(&vehicle, report(sequence, "downloading").to_string()).await;
        car.puback().await;
    }
    let ahead = || (2..=20).filter(|sequence| tap.count(&format!("\"sequence\":{sequence},")) > 0).count();
    eventually("the gateway has what it may have", async || (ahead() == usize::from(AHEAD)).then_some(())).await;
    // The broker has all the others by now, and gives none away.
    assert_eq!(ahead(), usize::from(AHEAD));
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);

    world.broker = Some(Broker::start(world.folder.path(), address).await.unwrap());
    let mut all = eventually("all is there", async || {
        Some(sequences(&world, &vehicle).await).filter(|sequences| sequences.contains(&20))
    })
    .await;
    // A write that Kafka did not answer in time may be there twice; its reports have the same ids.
    all.dedup();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, (1..=20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_no_gateway_was_there_is_worked_off_however_much_the_broker_sends_at_once() {
    const REPORTS: u64 = 100;
    let broker = Mosquitto::guarded(&[VIN]).await;
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let small = || {
        let mut mqtt = broker.config();
        mqtt.receive_maximum = 4.try_into().unwrap();
        Some(mqtt)
    };
    let mut first = world.second_gateway(|options| options.mqtt = small()).await;
    let mut car = Client::of(&broker, &vehicle).await;
    first.stop().await;
    for sequence in 1..=REPORTS {
        car.report(&vehicle, report(sequence, "downloading").to_string()).await;
        car.puback().await;
    }
    assert!(world.acks(&vehicle.vin).await.is_empty());
    let _second = world.second_gateway(|options| options.mqtt = small()).await;
    let mut all = eventually("all is there", async || {
        Some(sequences(&world, &vehicle).await).filter(|sequences| sequences.contains(&REPORTS))
    })
    .await;
    all.dedup();
    assert_eq!(all, (1..=REPORTS).collect::<Vec<_>>(), "in their order");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_broker_http_goes_on_and_with_it_reports_come() {
    let mut broker = Mosquitto::new();
    broker.configure("allow_anonymous true\n");
    let world = World::start_with(|options| options.mqtt = Some(broker.config())).await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    assert_eq!(world.gateway.readyz().await, StatusCode::OK);
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);
    let posted = world.gateway.post_acks(&vehicle, "application/json", report(1, "accepted").to_string()).await;
    assert_eq!(posted.status(), StatusCode::ACCEPTED);

    broker.start().await;
    let car = Client::of(&broker, &vehicle).await;
    car.report(&vehicle, report(2, "downloading").to_string()).await;
    eventually("the report", async || (sequences(&world, &vehicle).await == [1, 2]).then_some(())).await;
}
