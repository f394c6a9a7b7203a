//! Requests that nobody should send, by the thousand: the service refuses what it must and keeps working.

use std::path::Path;

use otaru_campaign::auth::Role;
use serde_json::{Value, json};

use crate::fuzz;
use crate::world::{World, vin};

const CASES: u64 = 4_000;

#[tokio::test(flavor = "multi_thread")]
async fn no_request_breaks_the_service() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let (model, vin) = (world.model(&admin).await, vin());
    admin.post("/vehicles", &json!({"vin": vin, "model": model})).await.is(201);
    let sha256 = admin.upload("bcm.bin", b"firmware").await;
    let images = json!([{"hardware_id": "BCM", "sha256": sha256, "version": "2"}]);
    let body = json!({"name": model, "version": "2", "models": [model], "images": images});
    let release = admin.post("/releases", &body).await.is(201)["id"].to_string();
    admin.post(&format!("/releases/{release}/lock"), &json!({})).await.is(200);
    let body = json!({
        "name": "storm", "release": release.parse::<Value>().unwrap(), "target": "true", "waves": [{}],
        "deadline": "2999-01-01T00:00:00Z",
    });
    let campaign = admin.post("/campaigns", &body).await.is(201)["id"].to_string();
    let values = [
        ("token", admin.secret.as_str()),
        ("model", model.as_str()),
        ("vin", vin.as_str()),
        ("sha256", sha256.as_str()),
        ("release", release.as_str()),
        ("campaign", campaign.as_str()),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let seen = fuzz::storm(world.address, &folder, &values, CASES).await;
    for status in [200, 201, 400, 404, 422] {
        assert!(seen.iter().any(|(code, times)| *code == status && *times > 20), "the cases reach little: {seen:?}");
    }
    assert_eq!(admin.get(&format!("/campaigns/{campaign}")).await.is(200)["state"], "draft");
}
