//! A model whose targets need an approver's signature: nothing that was locked is installed without it.

use otaru_campaign::auth::Role;
use otaru_domain::tuf::{Key, add_signatures, sign};
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::world::{Answer, Caller, World};

#[tokio::test]
async fn a_locked_release_is_installed_only_when_an_approver_has_signed_it() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 2).await;
    let ada = &fleet.engineer;
    let (admin, approver) = (world.caller(Role::Admin).await, world.caller(Role::Approver).await);
    let own = Key::generate().unwrap();
    let model = format!("/models/{}", fleet.model);
    ada.get(&format!("{model}/targets/draft")).await.problem(404, "nothing-to-sign");

    // The root that asks for it: drafted here, signed by the model's root key.
    let root_key = world.config.keys_dir.join(&fleet.model).join("root.pem");
    let root_key = Key::from_pem(&std::fs::read_to_string(root_key).unwrap()).unwrap();
    let draft = format!("{model}/root/draft?targets_key={}", own.public().keyval.public);
    let root = admin.get(&draft).await.is(200);
    assert_eq!(root["roles"]["targets"]["threshold"], 2);
    let root: Value = serde_json::from_slice(&sign(&root, &[&root_key]).unwrap()).unwrap();
    let taken = admin.put(&format!("{model}/root"), &root).await.is(200);
    assert_eq!((&taken["version"], &taken["waits_for_targets"]), (&json!(2), &json!(true)));
    let first = cosign(&approver, &model, &own).await.is(200);
    assert_eq!(first["root_version"], 2);

    let sha256 = ada.upload("bcm.bin", b"approved firmware").await;
    let images = json!([{"hardware_id": "BCM", "sha256": sha256, "version": "4"}]);
    let body = json!({"name": fleet.model, "version": "4", "models": [fleet.model], "images": images});
    let release = ada.post("/releases", &body).await.is(201)["id"].clone();
    ada.post(&format!("/releases/{release}/lock"), &json!({})).await.is(200);
    assert_eq!(ada.get(&model).await.is(200)["pending_targets"], first["version"].as_i64().unwrap() + 1);
    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    draft["release"] = release;
    let id = fleet.create(&draft).await;
    let start = format!("/campaigns/{id}/start");
    let (detail, _) = ada.post(&start, &json!({})).await.problem_at(409, "release-not-signed");
    assert!(detail.contains("otaru keys sign"), "{detail}");

    // Neither who is no approver, nor a key that the root does not name, nor no signature at all.
    cosign(ada, &model, &own).await.problem(403, "forbidden");
    cosign(&approver, &model, &Key::generate().unwrap()).await.problem(422, "targets-refused");
    let unsigned = approver.get(&format!("{model}/targets/draft")).await.is(200);
    approver.put(&format!("{model}/targets"), &unsigned).await.problem(422, "targets-refused");
    ada.post(&start, &json!({})).await.problem(409, "release-not-signed");

    cosign(&approver, &model, &own).await.is(200);
    assert_eq!(ada.get(&model).await.is(200)["pending_targets"], Value::Null);
    ada.post(&start, &json!({})).await.is(200);
    fleet.until_open(id, 1).await;
    let document = fleet.until_published(id, "the document", |_| true).await;
    assert_eq!(document.targets[0].version, "4");
    // The next root keeps its approvers, unless it is told to drop them.
    for (query, threshold) in [("", 2), ("?targets_key=none", 1)] {
        let root = admin.get(&format!("{model}/root/draft{query}")).await.is(200);
        assert_eq!(root["roles"]["targets"]["threshold"], threshold, "{query}");
    }
}

/// Fetches the draft, signs it with `key` and sends it back.
async fn cosign(caller: &Caller<'_>, model: &str, key: &Key) -> Answer {
    let draft = caller.get(&format!("{model}/targets/draft")).await.is(200);
    let signed = add_signatures(&serde_json::to_vec(&draft).unwrap(), &[key]).unwrap();
    caller.put(&format!("{model}/targets"), &serde_json::from_slice(&signed).unwrap()).await
}
