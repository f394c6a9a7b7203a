use chrono::{DateTime, Utc};
use otaru_campaign::auth::Role;
use otaru_domain::id::Vin;
use otaru_domain::tuf::Key;
use otaru_domain::{clock, token, topic};
use otaru_store::token_keys;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Caller, World, eventually, vin};

async fn vehicle(world: &World, caller: &Caller<'_>) -> Vin {
    let model = world.model(caller).await;
    let vin = vin();
    caller.post("/vehicles", &json!({"vin": vin, "model": model})).await.is(201);
    vin
}

/// What is on the revocations' topic of a credential.
async fn revocation(world: &World, id: &str) -> Value {
    eventually("the revocation is sent", async || {
        let records = world.bus.read_topic(topic::REVOCATIONS).await.ok()?;
        let record = records.into_iter().find(|record| record.key.as_deref() == Some(id.as_bytes()))?;
        serde_json::from_slice(record.value.as_deref()?).ok()
    })
    .await
}

#[tokio::test]
async fn a_credential_comes_with_the_root_to_trust_and_can_be_revoked() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let vin = vehicle(&world, &caller).await;
    let path = format!("/vehicles/{vin}/credentials");
    let issued = caller.post(&path, &json!({"valid_days": 30})).await.is(201);
    let keys = token_keys::all(world.store()).await.unwrap();
    let now = clock::now();
    let claims = token::verify(issued["token"].as_str().unwrap(), &keys[0].public_key, now).unwrap();
    assert_eq!(claims.vin, vin);
    let expires_at: DateTime<Utc> = issued["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(claims.exp, expires_at.timestamp());
    assert_eq!((expires_at - now).num_days(), 29);
    assert_eq!(issued["root"]["signed"]["_type"], "root");
    assert_eq!(issued["root"]["signed"]["version"], 1);

    let id = issued["id"].as_str().unwrap();
    assert_eq!(claims.jti.to_string(), id);
    caller.delete(&format!("{path}/{id}")).await.is(204);
    caller.delete(&format!("{path}/{id}")).await.is(204);
    let message = revocation(&world, id).await;
    assert_eq!(message["schema_version"], 1);
    assert_eq!((message["credential"].clone(), message["vin"].clone()), (json!(id), json!(vin)));
    let listed = caller.get(&path).await.is(200);
    assert_eq!(listed["items"][0]["revoked_at"], message["revoked_at"]);
    assert_eq!(listed["items"][0]["issued_by"], caller.name);
}

#[tokio::test]
async fn retiring_a_vehicle_revokes_all_of_its_credentials() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let vin = vehicle(&world, &caller).await;
    let path = format!("/vehicles/{vin}/credentials");
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(caller.post(&path, &json!({})).await.is(201)["id"].as_str().unwrap().to_owned());
    }
    caller.post(&format!("/vehicles/{vin}/retire"), &json!({})).await.is(200);
    for id in &ids {
        revocation(&world, id).await;
    }
    let listed = caller.get(&path).await.is(200);
    assert!(listed["items"].as_array().unwrap().iter().all(|one| one["revoked_at"].is_string()));
}

#[tokio::test]
async fn a_vehicle_without_a_root_to_trust_gets_no_credential() {
    let world = World::start_with(|config| config.demo_root = false).await;
    let caller = world.engineer().await;
    let vin = vehicle(&world, &caller).await;
    caller.post(&format!("/vehicles/{vin}/credentials"), &json!({})).await.problem(409, "model-awaiting-root");
}

#[tokio::test]
async fn credentials_of_nobody_and_for_no_time_are_refused() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let (one, two) = (vehicle(&world, &caller).await, vehicle(&world, &caller).await);
    let issued = caller.post(&format!("/vehicles/{one}/credentials"), &json!({})).await.is(201);
    let of_another = format!("/vehicles/{two}/credentials/{}", issued["id"].as_str().unwrap());
    caller.delete(&of_another).await.problem(404, "not-found");
    caller.delete(&format!("/vehicles/{one}/credentials/{}", Uuid::new_v4())).await.problem(404, "not-found");
    caller.post(&format!("/vehicles/{}/credentials", vin()), &json!({})).await.problem(404, "not-found");
    for days in [0, -1, 100_000] {
        let answer = caller.post(&format!("/vehicles/{one}/credentials"), &json!({"valid_days": days})).await;
        assert_eq!(answer.problem_at(422, "invalid").1, "/valid_days");
    }
}

#[tokio::test]
async fn the_key_that_a_vehicle_signs_with_comes_with_its_credential_and_ends_with_it() {
    let world = World::start().await;
    let (caller, admin) = (world.engineer().await, world.caller(Role::Admin).await);
    let model = world.model(&caller).await;
    let vin = vin();
    caller.post("/vehicles", &json!({"vin": vin, "model": model})).await.is(201);
    let asked = json!({"ack_signatures": "required"});
    let path = format!("/models/{model}/ack-signatures");
    let answer = admin.put(&path, &asked).await.is(200);
    assert_eq!(
        answer,
        json!({"ack_signatures": "required", "inventory_signatures": "optional", "vehicles_without_key": 1})
    );
    assert_eq!(caller.get(&format!("/models/{model}")).await.is(200)["ack_signatures"], "required");

    let credentials = format!("/vehicles/{vin}/credentials");
    let ack_key = Key::generate().unwrap().public().keyval.public.clone();
    let issued = caller.post(&credentials, &json!({"ack_key": ack_key})).await.is(201);
    let keys = token_keys::all(world.store()).await.unwrap();
    let claims = token::verify(issued["token"].as_str().unwrap(), &keys[0].public_key, clock::now()).unwrap();
    assert_eq!(claims.ack_key.as_deref(), Some(ack_key.as_str()), "gateways verify with it and ask nobody");
    assert_eq!(caller.get(&credentials).await.is(200)["items"][0]["ack_key"], ack_key);
    assert_eq!(admin.put(&path, &asked).await.is(200)["vehicles_without_key"], 0);
    caller.delete(&format!("{credentials}/{}", issued["id"].as_str().unwrap())).await.is(204);
    assert_eq!(admin.put(&path, &asked).await.is(200)["vehicles_without_key"], 1);

    for wrong in ["", "abc", &ack_key.to_uppercase(), &ack_key[2..], &"0".repeat(64)] {
        let answer = caller.post(&credentials, &json!({"ack_key": wrong})).await;
        assert_eq!(answer.problem_at(422, "invalid").1, "/ack_key", "{wrong}");
    }
    admin.put(&path, &json!({"ack_signatures": "sometimes"})).await.problem(422, "invalid");
    admin.put("/models/no-such-model/ack-signatures", &asked).await.problem(404, "not-found");
}
