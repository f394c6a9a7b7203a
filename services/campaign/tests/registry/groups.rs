use otaru_campaign::auth::Role;
use serde_json::json;

use crate::world::{Caller, World, vin};

/// A model and its vehicles, with the regions given.
async fn vehicles(world: &World, caller: &Caller<'_>, regions: &[&str]) -> (String, Vec<String>) {
    let model = world.model(caller).await;
    let mut vins = Vec::new();
    for region in regions {
        let vin = vin();
        caller.post("/vehicles", &json!({"vin": vin, "model": model, "region": region})).await.is(201);
        vins.push(vin.to_string());
    }
    (model, vins)
}

async fn release(caller: &Caller<'_>, model: &str) -> i64 {
    let sha256 = caller.upload("bcm.bin", b"firmware of a group").await;
    let images = json!([{"hardware_id": "BCM", "sha256": sha256, "version": "2"}]);
    let body = json!({"name": model, "version": "2", "models": [model], "images": images});
    let id = caller.post("/releases", &body).await.is(201)["id"].as_i64().unwrap();
    caller.post(&format!("/releases/{id}/lock"), &json!({})).await.is(200);
    id
}

#[tokio::test]
async fn a_list_is_kept_and_a_campaign_is_for_who_is_on_it() {
    let world = World::start().await;
    let ada = world.engineer().await;
    let (model, vins) = vehicles(&world, &ada, &["EU", "EU", "NO"]).await;
    let group = json!({"id": model, "name": "Testers"});
    let made = ada.post("/groups", &group).await.is(201);
    assert_eq!((&made["id"], &made["expression"]), (&json!(model), &json!(null)));
    assert_eq!(ada.post("/groups", &group).await.problem_at(409, "group-exists").1, "/id");

    let path = format!("/groups/{model}/vehicles");
    let change = json!({"add": [vins[0], vins[2], vins[0]]});
    assert_eq!(ada.post(&path, &change).await.is(200), json!({"added": 2, "removed": 0}));
    assert_eq!(ada.post(&path, &change).await.is(200), json!({"added": 0, "removed": 0}), "twice is once");
    let stranger = vin();
    let wrong = json!({"add": [vins[1], stranger], "remove": [vins[0]]});
    assert_eq!(ada.post(&path, &wrong).await.problem_at(422, "invalid").1, "/add/1");
    assert_eq!(ada.get(&path).await.is(200)["items"], json!([vins[0], vins[2]]), "nothing of it was done");
    assert_eq!(ada.post(&path, &json!({"remove": [vins[0]]})).await.is(200), json!({"added": 0, "removed": 1}));

    let release = release(&ada, &model).await;
    let target = format!("\"{model}\" in groups");
    let preview = ada.post("/campaigns/preview", &json!({"release": release, "target": target})).await.is(200);
    assert_eq!(preview["waves"][0]["sample"], json!([vins[2]]));
    let others = json!({"release": release, "target": format!("!({target})")});
    assert_eq!(ada.post("/campaigns/preview", &others).await.is(200)["matching"], 2);

    let admin = world.caller(Role::Admin).await;
    admin.post(&format!("/vehicles/{}/erase", vins[2]), &json!({"reason": "asked to"})).await.is(200);
    assert_eq!(ada.get(&path).await.is(200)["items"], json!([]), "who is erased is on no list");
}

#[tokio::test]
async fn a_dynamic_group_is_what_its_expression_says_and_stays_so_for_a_draft() {
    let world = World::start().await;
    let ada = world.engineer().await;
    let (model, vins) = vehicles(&world, &ada, &["EU", "NO"]).await;
    let group = |expression: &str| json!({"id": model, "name": "North", "expression": expression});
    let refused = ada.post("/groups", &group("regio == 1")).await.is(422);
    assert_eq!((&refused["pointer"], &refused["position"]), (&json!("/expression"), &json!(0)));
    let nested = ada.post("/groups", &group("\"south\" in groups")).await.problem_at(422, "invalid");
    assert_eq!(nested.1, "/expression");
    ada.post("/groups", &group("region == \"NO\"")).await.is(201);
    ada.post(&format!("/groups/{model}/vehicles"), &json!({"add": [vins[0]]})).await.problem(409, "group-dynamic");

    let release = release(&ada, &model).await;
    let target = format!("\"{model}\" in groups");
    let preview = ada.post("/campaigns/preview", &json!({"release": release, "target": target})).await.is(200);
    assert_eq!(preview["waves"][0]["sample"], json!([vins[1]]));

    let campaign = json!({"name": "North", "release": release, "target": target, "waves": [{}],
        "deadline": "2100-01-01T00:00:00Z"});
    let mut unknown = campaign.clone();
    unknown["target"] = json!("\"nobody\" in groups");
    assert_eq!(ada.post("/campaigns", &unknown).await.problem_at(422, "invalid").1, "/target");
    unknown["target"] = json!("true");
    unknown["waves"] = json!([{"expression": "\"nobody\" in groups"}, {}]);
    assert_eq!(ada.post("/campaigns", &unknown).await.problem_at(422, "invalid").1, "/waves/0/expression");

    let id = ada.post("/campaigns", &campaign).await.is(201)["id"].clone();
    let wrong = json!({"target": "\"nobody\" in groups"});
    assert_eq!(ada.patch(&format!("/campaigns/{id}"), &wrong).await.problem_at(422, "invalid").1, "/target");
    let path = format!("/groups/{model}");
    let change = json!({"expression": "region == \"EU\""});
    let detail = ada.patch(&path, &change).await.problem(409, "group-in-use");
    assert!(detail.contains(&format!("campaign {id} ")), "{detail}");
    ada.delete(&path).await.problem(409, "group-in-use");
    ada.post(&format!("/campaigns/{id}/cancel"), &json!({"reason": "another"})).await.is(200);
    assert_eq!(ada.patch(&path, &change).await.is(200)["expression"], "region == \"EU\"");
    ada.delete(&path).await.is(204);
    ada.get(&path).await.problem(404, "not-found");
}
