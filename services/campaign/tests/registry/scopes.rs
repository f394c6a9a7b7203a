use otaru_campaign::auth::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Caller, World, vin};

/// A caller whose token an admin issued with these limits.
async fn limited<'a>(world: &'a World, admin: &Caller<'_>, name: &str, body: Value) -> Caller<'a> {
    let mut body = body;
    body["name"] = json!(name);
    let issued = admin.post("/tokens", &body).await.is(201);
    world.caller_with(name, issued["token"].as_str().unwrap())
}

async fn release(caller: &Caller<'_>, models: &[&String], version: &str) -> Answer {
    // Known content is answered 200.
    let uploaded = caller.send("/artifacts?file_name=bcm.bin", "application/octet-stream", "firmware").await;
    let sha256 = serde_json::from_slice::<Value>(&uploaded.bytes).unwrap()["sha256"].clone();
    let images = json!([{"hardware_id": "BCM", "sha256": sha256, "version": version}]);
    let body = json!({"name": models[0], "version": version, "models": models, "images": images});
    caller.post("/releases", &body).await
}

#[tokio::test]
async fn a_token_of_one_model_reads_all_and_changes_what_is_of_that_model_alone() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let (own, other) = (world.model(&admin).await, world.model(&admin).await);
    let ci = limited(&world, &admin, "ci", json!({"role": "engineer", "models": [own]})).await;

    let (mine, theirs) = (vin(), vin());
    ci.post("/vehicles", &json!({"vin": mine, "model": own})).await.is(201);
    let refused = ci.post("/vehicles", &json!({"vin": theirs, "model": other})).await.problem(403, "forbidden");
    assert!(refused.contains(&other), "{refused}");
    admin.post("/vehicles", &json!({"vin": theirs, "model": other})).await.is(201);
    ci.get(&format!("/vehicles/{theirs}")).await.is(200);
    ci.patch(&format!("/vehicles/{mine}"), &json!({"region": "EU"})).await.is(200);
    ci.patch(&format!("/vehicles/{theirs}"), &json!({"region": "EU"})).await.problem(403, "forbidden");
    ci.post(&format!("/vehicles/{theirs}/retire"), &json!({})).await.problem(403, "forbidden");
    // Written otherwise, it is still not theirs.
    let escaped = format!("/vehicles/{}/retire", theirs.as_str().replacen('W', "%57", 1));
    ci.post(&escaped, &json!({})).await.problem(403, "forbidden");
    let lines =
        [json!({"vin": vin(), "model": own}), json!({"vin": vin(), "model": other})].map(|line| line.to_string());
    let report = ci.send("/vehicles/import", "application/x-ndjson", lines.join("\n")).await.is(200);
    assert_eq!((&report["created"], &report["failed"]), (&json!(1), &json!(1)));

    let both = release(&ci, &[&own, &other], "1").await;
    both.problem(403, "forbidden");
    let shared = release(&admin, &[&own, &other], "2").await.is(201)["id"].clone();
    ci.post(&format!("/releases/{shared}/lock"), &json!({})).await.problem(403, "forbidden");
    let alone = release(&ci, &[&own], "3").await.is(201)["id"].clone();
    ci.post(&format!("/releases/{alone}/lock"), &json!({})).await.is(200);
    admin.post(&format!("/releases/{shared}/lock"), &json!({})).await.is(200);
    let campaign = |release: &Value| {
        json!({"name": "c", "release": release, "target": "true", "deadline": "2999-01-01T00:00:00Z",
               "waves": [{"share_ratio": 1.0, "gate_installed_ratio": 1.0}]})
    };
    ci.post("/campaigns", &campaign(&shared)).await.problem(403, "forbidden");
    let id = admin.post("/campaigns", &campaign(&shared)).await.is(201)["id"].clone();
    for command in ["submit", "start", "cancel"] {
        ci.post(&format!("/campaigns/{id}/{command}"), &json!({})).await.problem(403, "forbidden");
    }
    ci.patch(&format!("/campaigns/{id}"), &json!({"name": "d"})).await.problem(403, "forbidden");
    let id = ci.post("/campaigns", &campaign(&alone)).await.is(201)["id"].clone();
    ci.post(&format!("/campaigns/{id}/cancel"), &json!({})).await.is(200);

    ci.post("/models", &json!({"id": "new", "name": "n", "hardware": []})).await.problem(403, "forbidden");
    ci.post("/dead-letters/1/replay", &json!({})).await.problem(403, "forbidden");
    ci.post("/vehicles/WVWZZZ1KZAW000001/retire", &json!({})).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_token_of_some_calls_makes_no_others() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let auditor = limited(&world, &admin, "auditor", json!({"role": "viewer", "calls": ["audit", "campaigns"]})).await;
    auditor.get("/audit").await.is(200);
    auditor.get("/audit/head").await.is(200);
    auditor.get("/campaigns").await.is(200);
    let refused = auditor.get("/vehicles").await.problem(403, "forbidden");
    assert!(refused.contains("/vehicles"), "{refused}");
    auditor.get("/models").await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_limited_token_issues_none_and_limits_are_shown_and_checked() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let model = world.model(&admin).await;
    let body = json!({"role": "admin", "calls": ["tokens"]});
    let issuer = limited(&world, &admin, "issuer", body).await;
    let refused = issuer.post("/tokens", &json!({"name": "free", "role": "admin"})).await.problem(403, "forbidden");
    assert!(refused.contains("limited"), "{refused}");
    let body = json!({"role": "admin", "models": [model]});
    let manager = limited(&world, &admin, "manager", body).await;
    manager.post("/tokens", &json!({"name": "free", "role": "admin"})).await.problem(403, "forbidden");

    let tokens = admin.get("/tokens").await.is(200);
    let shown = tokens["items"].as_array().unwrap().iter().find(|token| token["name"] == "manager").unwrap().clone();
    assert_eq!((&shown["models"], &shown["calls"]), (&json!([model]), &Value::Null));
    for (wrong, pointer) in [
        (json!({"models": []}), "/models"),
        (json!({"models": [model, "no-such"]}), "/models/1"),
        (json!({"calls": []}), "/calls"),
        (json!({"calls": ["campaigns", "everything"]}), "/calls/1"),
    ] {
        let mut body = json!({"name": "wrong", "role": "viewer"});
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert_eq!(admin.post("/tokens", &body).await.problem_at(422, "invalid").1, pointer);
    }
    Answer::of(admin.request(Method::GET, "/tokens")).await.is(200);
}
