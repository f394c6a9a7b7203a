//! Whom gateways heard counts as online: over HTTP, DDI and streams, whichever gateway it was and whether it still is there.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_store::{presence, vehicles};
use reqwest::{Method, StatusCode};

use crate::world::{Vehicle, World, eventually};

async fn online(world: &World, at: DateTime<Utc>) -> u64 {
    let online = presence::online(world.store(), at).await.unwrap();
    online.by_model.get(&ModelId::parse("harbour").unwrap()).copied().unwrap_or(0)
}

async fn until(world: &World, vehicle: &Vehicle) -> Option<DateTime<Utc>> {
    vehicles::get(world.store(), &vehicle.vin).await.unwrap().unwrap().online_until
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_heard_by_any_gateway_is_online_for_three_intervals_and_nobody_for_another() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let other = world.second_gateway(|_| {}).await;
    let polls = world.vehicle("WVWZZZ1KZAW000001", &model).await;
    let reports = world.vehicle("WVWZZZ1KZAW000002", &model).await;
    let device = world.vehicle("WVWZZZ1KZAW000003", &model).await;
    let silent = world.vehicle("WVWZZZ1KZAW000004", &model).await;

    assert_eq!(world.gateway.poll(&polls).await.status(), StatusCode::NO_CONTENT);
    let inventory = serde_json::json!({"ecus": []});
    other.call(Method::PUT, &reports, "inventory").json(&inventory).send().await.unwrap();
    let root = format!("/default/controller/v1/{}", device.vin);
    let asked = other.get(&root).header("authorization", format!("TargetToken {}", device.token)).send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::OK);
    // Another's token in the path of a vehicle says nothing of that vehicle.
    let theft = world.gateway.get(&format!("/vehicle/v1/{}/update", silent.vin)).bearer_auth(&polls.token);
    assert_eq!(theft.send().await.unwrap().status(), StatusCode::FORBIDDEN);

    eventually("three vehicles are online", async || (online(&world, clock::now()).await == 3).then_some(())).await;
    assert_eq!(until(&world, &silent).await, None);
    let last = until(&world, &polls).await.unwrap() - clock::now();
    assert!(last <= TimeDelta::seconds(930) && last > TimeDelta::seconds(700), "{last}");
    // Both gateways go without a word; nobody stays for it.
    drop(other);
    assert_eq!(online(&world, clock::now() + TimeDelta::seconds(931)).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_counts_as_heard_for_as_long_as_it_is_open() {
    let world = World::start_with(|config| config.poll_interval = Duration::from_secs(1)).await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle("WVWZZZ1KZAW000001", &model).await;
    let stream = world.gateway.call(Method::GET, &vehicle, "stream").send().await.unwrap();
    let reader = tokio::spawn(stream.bytes_stream().for_each(async |_| {}));
    let first = eventually("the vehicle was heard", async || until(&world, &vehicle).await).await;
    eventually("its stream moves the time", async || until(&world, &vehicle).await.filter(|now| *now > first)).await;
    reader.abort();
}
