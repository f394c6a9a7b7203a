//! What people decide about vehicles that speak Uptane: roots of both repositories, and ECUs with their keys.

use std::path::PathBuf;

use otaru_campaign::auth::Role;
use otaru_domain::clock;
use otaru_domain::tuf::{Key, Metadata, PublicKey, Root};
use otaru_domain::uptane::{FILE, Published, sign};
use otaru_store::uptane::{self as rows, NewEcu, Registered};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Caller, World, eventually, vin};

async fn start() -> World {
    let world = World::start_with(|config| {
        config.demo_director_keys = Some(config.keys_dir.with_file_name("director"));
    });
    world.await
}

fn key(path: PathBuf) -> Key {
    Key::from_pem(&std::fs::read_to_string(path).unwrap()).unwrap()
}

async fn put_root(admin: &Caller<'_>, id: &str, repository: &str, root: Vec<u8>) -> Answer {
    Answer::of(admin.request(Method::PUT, &format!("/models/{id}/uptane/{repository}/root")).body(root)).await
}

async fn draft(caller: &Caller<'_>, id: &str, repository: &str, query: &str) -> Metadata<Root> {
    let path = format!("/models/{id}/uptane/{repository}/root/draft{query}");
    serde_json::from_value(caller.get(&path).await.is(200)).unwrap()
}

/// What gateways are told of the model's Uptane repositories, with these versions of the roots.
async fn published(world: &World, id: &str, image: u64, director: u64) -> Published {
    let topic = otaru_domain::topic::manifests(&id.parse().unwrap());
    eventually("the Uptane repositories are published", async || {
        let records = world.bus.read_topic(&topic).await.ok()?;
        let last = records.iter().rev().find(|record| record.key.as_deref() == Some(FILE.as_bytes()))?;
        let file: Published = serde_json::from_slice(last.value.as_deref()?).ok()?;
        let newest = |roots: &std::collections::BTreeMap<u64, Value>| roots.keys().next_back().copied();
        (newest(&file.image.roots) == Some(image) && newest(&file.director.roots) == Some(director)).then_some(file)
    })
    .await
}

#[tokio::test]
async fn a_demos_model_has_both_repositories_and_their_roots_are_followed_by_signed_ones() {
    let world = start().await;
    let admin = world.caller(Role::Admin).await;
    let id = world.model(&admin).await;
    let first = published(&world, &id, 1, 1).await;
    assert_eq!(first.image.timestamp.unwrap()["signed"]["_type"], "Timestamp");
    let root = admin.get(&format!("/models/{id}/uptane/director/root")).await.is(200);
    assert_eq!((&root["signed"]["version"], &root["signed"]["_type"]), (&json!(1), &json!("Root")));

    let root_key = key(world.config.keys_dir.join(&id).join("root.pem"));
    let next = draft(&admin, &id, "image", "").await;
    assert_eq!(next.version, 2);
    let signed = sign(&next, &[&root_key]).unwrap();
    let engineer = world.engineer().await;
    put_root(&engineer, &id, "image", signed.clone()).await.problem(403, "forbidden");
    let forged = sign(&next, &[&Key::generate().unwrap()]).unwrap();
    put_root(&admin, &id, "image", forged).await.problem(422, "root-refused");
    assert_eq!(put_root(&admin, &id, "image", signed.clone()).await.is(200)["version"], 2);
    put_root(&admin, &id, "image", signed).await.problem(422, "root-refused");

    let other = Key::generate().unwrap().public().keyval.public.clone();
    let next = draft(&admin, &id, "director", &format!("?timestamp_key={other}")).await;
    let signed = sign(&next, &[&root_key]).unwrap();
    put_root(&admin, &id, "director", signed).await.is(200);
    let file = published(&world, &id, 2, 2).await;
    let roles = &file.director.roots[&2]["signed"]["roles"];
    assert_ne!(roles["timestamp"], file.director.roots[&1]["signed"]["roles"]["timestamp"]);
    assert_eq!(roles["targets"], file.director.roots[&1]["signed"]["roles"]["targets"], "the others stay");
    let actions = admin.get("/audit?limit=100").await.is(200).to_string();
    assert!(actions.contains("uptane_root_accepted"));
}

#[tokio::test]
async fn without_a_demo_roots_are_drafted_for_keys_that_the_service_never_sees() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let id = world.model(&admin).await;
    let director = format!("/models/{id}/uptane/director/root");
    admin.get(&director).await.problem(404, "not-found");
    admin.get(&format!("{director}/draft")).await.problem(400, "bad-request");
    admin.get(&format!("/models/{id}/uptane/image/root/draft?targets_key=00")).await.problem(400, "bad-request");
    admin.get(&format!("/models/{id}/uptane/other/root")).await.problem(400, "bad-path");
    let keys = [0; 3].map(|_| Key::generate().unwrap());
    let public: Vec<PublicKey> = keys.iter().map(|key| key.public().clone()).collect();
    let names = ["targets_key", "snapshot_key", "timestamp_key"].iter().zip(&public);
    let query: Vec<String> = names.map(|(name, key)| format!("{name}={}", key.keyval.public)).collect();
    let next = draft(&admin, &id, "director", &format!("?{}", query.join("&"))).await;
    assert!(public.iter().all(|key| next.body.keys.contains_key(&key.id())));
    let root_key = key(world.config.keys_dir.join(&id).join("root.pem"));
    assert!(next.body.keys.contains_key(root_key.id()), "the TUF root's keepers, where nobody is named");
    put_root(&admin, &id, "director", sign(&next, &[&root_key]).unwrap()).await.is(200);
    assert!(!world.config.keys_dir.with_file_name("director").exists());
    // A key that the Image root names is not destroyed.
    let image = draft(&admin, &id, "image", "").await;
    put_root(&admin, &id, "image", sign(&image, &[&root_key]).unwrap()).await.is(200);
    admin.post(&format!("/models/{id}/keys"), &json!({"role": "timestamp"})).await.is(200);
    let tuf: Metadata<Root> =
        serde_json::from_value(admin.get(&format!("/models/{id}/root/draft")).await.is(200)).unwrap();
    let tuf = otaru_domain::tuf::sign(&tuf, &[&root_key]).unwrap();
    Answer::of(admin.request(Method::PUT, &format!("/models/{id}/root")).body(tuf)).await.is(200);
    let old = admin.get(&format!("/models/{id}/keys")).await.is(200);
    let old = old["items"].as_array().unwrap().iter().find(|key| key["role"] == "timestamp" && key["newest"] == false);
    let destroy = format!("/models/{id}/keys/{}", old.unwrap()["key_id"].as_str().unwrap());
    admin.delete(&destroy).await.problem(409, "key-in-force");
    let image = draft(&admin, &id, "image", "").await;
    put_root(&admin, &id, "image", sign(&image, &[&root_key]).unwrap()).await.is(200);
    admin.delete(&destroy).await.is(204);
    published(&world, &id, 2, 1).await;
}

fn ecu(serial: &str, is_primary: bool) -> NewEcu {
    let public = Key::generate().unwrap().public().keyval.public.clone();
    let key = otaru_domain::uptane::EcuKey::parse("ed25519", &public).unwrap();
    NewEcu { serial: serial.parse().unwrap(), hardware_id: "BCM".parse().unwrap(), is_primary, key }
}

#[tokio::test]
async fn an_engineer_lists_replaces_and_removes_ecus_and_the_audit_log_has_it() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let id = world.model(&admin).await;
    let vin = vin();
    let engineer = world.engineer().await;
    engineer.post("/vehicles", &json!({"vin": vin, "model": id})).await.is(201);
    let vehicle = otaru_store::vehicles::get(world.store(), &vin).await.unwrap().unwrap().id;
    let ecus = [ecu("primary", true), ecu("secondary", false)];
    let mut tx = world.store().begin().await.unwrap();
    assert_eq!(rows::register(&mut tx, vehicle, &ecus, clock::now()).await.unwrap(), Registered::Now);
    tx.commit().await.unwrap();
    let path = format!("/vehicles/{vin}/uptane/ecus");
    let listed = engineer.get(&path).await.is(200);
    assert_eq!(listed["items"][0]["serial"], "primary");
    assert_eq!(
        (&listed["items"][1]["registered_by"], &listed["items"][1]["report_counter"]),
        (&json!("vehicle"), &Value::Null)
    );

    let public = Key::generate().unwrap().public().keyval.public.clone();
    let body = json!({"hardware_id": "BCM", "key": {"keytype": "ED25519", "keyval": {"public": public}}});
    let put = engineer.put(&format!("{path}/primary"), &body).await.is(200);
    assert_eq!(
        (&put["items"][0]["primary"], &put["items"][0]["public_key"]),
        (&json!(true), &json!(public)),
        "it stays what it was"
    );
    let second = json!({"hardware_id": "BCM", "primary": true, "key": body["key"]});
    let (_, at) = engineer.put(&format!("{path}/another"), &second).await.problem_at(409, "primary-exists");
    assert_eq!(at, "/primary");
    let bad = json!({"hardware_id": "BCM", "key": {"keytype": "RSA", "keyval": {"public": "PEM"}}});
    let (_, at) = engineer.put(&format!("{path}/another"), &bad).await.problem_at(422, "invalid");
    assert_eq!(at, "/key");
    engineer.delete(&format!("{path}/secondary")).await.is(204);
    engineer.delete(&format!("{path}/secondary")).await.problem(404, "not-found");
    assert_eq!(engineer.get(&path).await.is(200)["items"].as_array().unwrap().len(), 1);
    let viewer = world.caller(Role::Viewer).await;
    viewer.put(&format!("{path}/primary"), &body).await.problem(403, "forbidden");
    let actions = admin.get("/audit?limit=100").await.is(200).to_string();
    for action in ["ecu_key_put", "ecu_key_removed"] {
        assert!(actions.contains(action), "{action}");
    }
    admin.post(&format!("/vehicles/{vin}/erase"), &json!({"reason": "asked for"})).await;
    assert!(rows::ecus(world.store(), vehicle).await.unwrap().is_empty(), "serials and keys name a vehicle, too");
}
