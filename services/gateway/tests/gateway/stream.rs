//! What is pushed to vehicles that stay connected.

use std::pin::Pin;
use std::time::Duration;

use eventsource_stream::{Event, Eventsource as _};
use futures::{Stream, StreamExt as _};
use otaru_bus::Message;
use otaru_domain::document::DocumentWave;
use otaru_domain::{membership, topic};
use otaru_store::testing;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::world::{Vehicle, World, eventually, retry_after};

const VIN: &str = "WVWZZZ1KZAW000001";

type Events = Pin<Box<dyn Stream<Item = Event> + Send>>;

async fn open(world: &World, vehicle: &Vehicle, last_event_id: Option<&str>) -> Events {
    let mut request = world.gateway.call(Method::GET, vehicle, "stream");
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    Box::pin(response.bytes_stream().eventsource().filter_map(async |event| event.ok()))
}

async fn next(events: &mut Events) -> Event {
    tokio::time::timeout(Duration::from_secs(30), events.next()).await.expect("an event in time").expect("an event")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_opening_of_a_wave_is_pushed_and_so_is_its_end() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let campaign = world.campaign().await;
    let rank = membership::rank("salt", &vehicle.vin);
    let mut document = model.document(campaign, world.now);
    document.waves = vec![
        DocumentWave { number: 1, cutoff: rank - 1, open: true, listed: false },
        DocumentWave { number: 2, cutoff: (1 << 52) - 1, open: false, listed: false },
    ];
    let publication = model.publish_document(document.clone(), world.now);
    world.publish(&model, publication).await;
    let mut events = open(&world, &vehicle, None).await;
    let first = next(&mut events).await;
    assert_eq!((first.event.as_str(), first.id.as_str()), ("none", "2"));

    testing::assign(world.store(), vehicle.id, campaign, 2, world.now).await.unwrap();
    document.waves[1].open = true;
    let publication = model.publish_document(document, world.now);
    world.publish(&model, publication).await;
    let pushed = next(&mut events).await;
    assert_eq!((pushed.event.as_str(), pushed.id.as_str()), ("update", "3"));
    let update: Value = serde_json::from_str(&pushed.data).unwrap();
    assert_eq!(update["campaign"], campaign);
    let polled: Value = world.gateway.poll(&vehicle).await.json().await.unwrap();
    assert_eq!(update, polled);

    // Another campaign's document is no news for this vehicle, the end of its own is.
    let publication = model.publish_document(model.document(campaign + 1, world.now), world.now);
    world.publish(&model, publication).await;
    let mut ended = model.document(campaign, world.now);
    ended.state = otaru_domain::document::DocumentState::Ended;
    let publication = model.publish_document(ended, world.now);
    world.publish(&model, publication).await;
    let over = next(&mut events).await;
    assert_eq!((over.event.as_str(), over.id.as_str()), ("none", "5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_is_told_what_holds_now_but_not_again_that_there_is_nothing() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let mut events = open(&world, &vehicle, None).await;
    let first = next(&mut events).await;
    assert_eq!((first.event.as_str(), first.id.as_str()), ("none", "1"));
    drop(events);

    let mut events = open(&world, &vehicle, Some("1")).await;
    let campaign = world.running_campaign(&mut model, &[&vehicle]).await;
    // The first thing it hears is the update.
    let update = next(&mut events).await;
    assert_eq!((update.event.as_str(), update.id.as_str()), ("update", "2"));
    assert!(update.data.contains(&format!("\"campaign\":{campaign}")));
    drop(events);
    for id in ["1", "2", "not-a-number"] {
        let mut events = open(&world, &vehicle, Some(id)).await;
        assert_eq!(next(&mut events).await.event, "update", "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_vehicle_hears_nothing_any_more() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let mut events = open(&world, &vehicle, None).await;
    assert_eq!(next(&mut events).await.event, "none");
    let message = Message {
        key: Some(vehicle.credential.to_string().into_bytes()),
        value: Some(b"{}".to_vec()),
        headers: Vec::new(),
    };
    world.bus.producer().unwrap().send(topic::REVOCATIONS, message).await.unwrap();
    eventually("the revocation counts", async || {
        (world.gateway.poll(&vehicle).await.status() == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
    world.running_campaign(&mut model, &[&vehicle]).await;
    let ended = tokio::time::timeout(Duration::from_secs(30), events.next()).await.expect("an end in time");
    assert!(ended.is_none(), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_beyond_the_limit_are_sent_away_and_all_end_with_the_gateway() {
    let mut world = World::start_with(|config| config.max_streams = 2).await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let mut first = open(&world, &vehicle, None).await;
    next(&mut first).await;
    let mut second = open(&world, &vehicle, None).await;
    next(&mut second).await;
    let refused = world.gateway.call(Method::GET, &vehicle, "stream").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(retry_after(&refused) > 0);
    drop(second);
    eventually("the place is free again", async || {
        let response = world.gateway.call(Method::GET, &vehicle, "stream").send().await.unwrap();
        response.status().is_success().then_some(())
    })
    .await;
    world.gateway.stop().await;
    assert!(first.next().await.is_none());
}
