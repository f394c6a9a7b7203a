//! Who asks too often is told when to come back, and nobody else suffers for it.

use std::num::NonZeroU32;

use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::world::{Vehicle, World};

const VIN: &str = "WVWZZZ1KZAW000001";
const OTHER: &str = "WVWZZZ1KZAW000002";

async fn is_limited(answer: Response) {
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u32 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait} s");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "urn:otaru:problem:too-many-requests");
}

async fn with_token(world: &World, vehicle: &Vehicle, token: &str) -> Response {
    let path = format!("/vehicle/v1/{}/update", vehicle.vin);
    world.gateway.get(&path).bearer_auth(token).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vehicle_that_asks_too_often_waits_and_others_do_not() {
    let world = World::start_with(|config| config.rates.vehicle = NonZeroU32::new(2)).await;
    let model = world.model("harbour").await;
    let (eager, calm) = (world.vehicle(VIN, &model).await, world.vehicle(OTHER, &model).await);
    for _ in 0..2 {
        assert_eq!(world.gateway.poll(&eager).await.status(), StatusCode::NO_CONTENT);
    }
    is_limited(world.gateway.poll(&eager).await).await;
    assert_eq!(world.gateway.poll(&calm).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_tries_tokens_is_slowed_down_and_known_vehicles_behind_it_are_not() {
    let world = World::start_with(|config| config.rates.refused = NonZeroU32::new(3)).await;
    let model = world.model("harbour").await;
    let (known, new) = (world.vehicle(VIN, &model).await, world.vehicle(OTHER, &model).await);
    assert_eq!(world.gateway.poll(&known).await.status(), StatusCode::NO_CONTENT);
    let forged = format!("{}x", known.token);
    for _ in 0..3 {
        assert_eq!(with_token(&world, &known, &forged).await.status(), StatusCode::UNAUTHORIZED);
    }
    is_limited(with_token(&world, &known, &forged).await).await;
    is_limited(world.gateway.poll(&new).await).await;
    assert_eq!(world.gateway.poll(&known).await.status(), StatusCode::NO_CONTENT);
    let ddi = format!("/DEFAULT/controller/v1/{OTHER}");
    let guess = world.gateway.get(&ddi).header("authorization", "TargetToken guess").send().await.unwrap();
    is_limited(guess).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_the_one_that_a_trusted_proxy_names() {
    let world = World::start_with(|config| {
        config.rates.address = NonZeroU32::new(300);
        config.proxies.trusted = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    let model = world.model("harbour").await;
    let known = world.vehicle(VIN, &model).await;
    assert_eq!(world.gateway.poll(&known).await.status(), StatusCode::NO_CONTENT);
    let from = async |said: &'static str| {
        let request = world.gateway.get("/tuf/none/metadata/timestamp.json").header("x-forwarded-for", said);
        request.send().await.unwrap()
    };
    let mut limited = None;
    for _ in 0..600 {
        let answer = from("203.0.113.5, 198.51.100.1").await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            limited = Some(answer);
            break;
        }
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }
    is_limited(limited.expect("more than 300 at once")).await;
    // Whatever stands before it in the header was written by the client.
    is_limited(from("192.0.2.99, 198.51.100.1").await).await;
    let path = format!("/vehicle/v1/{VIN}/update");
    let behind = world.gateway.get(&path).header("x-forwarded-for", "198.51.100.1").bearer_auth(&known.token);
    assert_eq!(behind.send().await.unwrap().status(), StatusCode::NO_CONTENT, "it has a limit of its own");
    assert_eq!(from("203.0.113.5").await.status(), StatusCode::NOT_FOUND);
}
