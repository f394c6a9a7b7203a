//! Who may ask, and for whom.

use chrono::TimeDelta;
use otaru_bus::Message;
use otaru_domain::id::Vin;
use otaru_domain::tuf::Key;
use otaru_domain::{token, topic};
use otaru_store::token_keys;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::{World, eventually, header, problem};

const VIN: &str = "WVWZZZ1KZAW000001";
const OTHER_VIN: &str = "WVWZZZ1KZAW000002";
const CALLS: [(Method, &str); 4] =
    [(Method::GET, "update"), (Method::GET, "stream"), (Method::POST, "acks"), (Method::PUT, "inventory")];

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_valid_token_is_refused() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let claims = world.claims(&vehicle.vin, vehicle.id, &model.id);
    let expired = token::Claims { exp: (world.now - TimeDelta::seconds(1)).timestamp(), ..claims.clone() };
    let mut tampered = vehicle.token.clone();
    tampered.insert(tampered.len() - 20, 'A');
    let tokens = [
        None,
        Some("Bearer".to_owned()),
        Some(format!("Basic {}", vehicle.token)),
        Some("Bearer none-of-ours".to_owned()),
        Some(format!("Bearer {tampered}")),
        Some(format!("Bearer {}", "x".repeat(4000))),
        Some(format!("Bearer {}", token::issue(&expired, &world.token_key).unwrap())),
    ];
    for (method, call) in CALLS {
        for token in &tokens {
            let path = format!("/vehicle/v1/{VIN}/{call}");
            let mut request = world.gateway.request(method.clone(), &path);
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{call} {token:?}");
            assert_eq!(header(&response, "www-authenticate"), "Bearer");
            problem(response).await;
        }
    }
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_that_asks_for_a_token_refuses_one_without() {
    let world = World::start().await;
    let description = serde_json::to_value(otaru_gateway::openapi()).unwrap();
    assert_eq!(description["openapi"], "3.1.0");
    let mut tried = 0;
    for (path, calls) in description["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            // An empty alternative: who brings no token has the file, too, unless targets are private.
            let asks = call["security"].as_array().is_some_and(|ways| ways.iter().all(|way| *way != json!({})));
            let vehicles = path.starts_with("/vehicle/") || path.starts_with("/uptane/");
            assert_eq!(asks, vehicles, "{method} {path}");
            // Uptane's calls are there for who has the Director's keys; their tests are with them.
            if !path.starts_with("/vehicle/") {
                continue;
            }
            let path = path.replace("{vin}", VIN);
            assert!(!path.contains('{'), "{path}");
            let response = world.gateway.request(method.clone(), &path).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            tried += 1;
        }
    }
    assert_eq!(tried, CALLS.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vehicle_can_neither_ask_nor_report_for_another() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    world.vehicle(OTHER_VIN, &model).await;
    for (method, call) in CALLS {
        let mut bodies = Vec::new();
        // One that exists, one that does not, and what is no VIN at all: all refused alike.
        for vin in [OTHER_VIN, "WVWZZZ1KZAW999999", "no-vin", "wvwzzz1kzaw000001", "%00", "..%2f"] {
            let path = format!("/vehicle/v1/{vin}/{call}");
            let request = world.gateway.request(method.clone(), &path).bearer_auth(&vehicle.token);
            let response = request.header("content-type", "application/json").body("{}").send().await.unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{call} {vin}");
            bodies.push(problem(response).await);
        }
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
    }
    let other = Vin::parse(OTHER_VIN).unwrap();
    assert!(world.acks(&other).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_credential_is_refused_until_its_revocation_is_forgotten() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);
    let producer = world.bus.producer().unwrap();
    let key = vehicle.credential.to_string().into_bytes();
    for (value, expected) in [(Some(b"{}".to_vec()), StatusCode::UNAUTHORIZED), (None, StatusCode::NO_CONTENT)] {
        let message = Message { key: Some(key.clone()), value, headers: Vec::new() };
        producer.send(topic::REVOCATIONS, message).await.unwrap();
        eventually("the revocation counts", async || {
            (world.gateway.poll(&vehicle).await.status() == expected).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_added_later_is_found_and_a_retired_one_no_longer_counts() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let mut vehicle = world.vehicle(VIN, &model).await;
    let first_token = vehicle.token.clone();
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);

    token_keys::retire(world.store(), world.token_key.id(), world.now).await.unwrap();
    let second = Key::generate().unwrap();
    let claims = world.claims(&vehicle.vin, vehicle.id, &model.id);
    vehicle.token = token::issue(&claims, &second).unwrap();
    // Before the key is there it is either unknown, or too early to look again.
    let status = world.gateway.poll(&vehicle).await.status();
    assert!(matches!(status, StatusCode::UNAUTHORIZED | StatusCode::SERVICE_UNAVAILABLE), "{status}");
    token_keys::add(world.store(), second.id(), &second.public().bytes().unwrap(), world.now).await.unwrap();
    eventually("the new key is found", async || {
        (world.gateway.poll(&vehicle).await.status() == StatusCode::NO_CONTENT).then_some(())
    })
    .await;
    vehicle.token = first_token;
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::UNAUTHORIZED);
}
