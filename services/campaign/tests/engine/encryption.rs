//! Models whose images are encrypted: nothing of a release is published for them before it is, and never as it is.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use otaru_campaign::app::App;
use otaru_campaign::auth::Role;
use otaru_campaign::{manifests, run_on};
use otaru_domain::age::{Decryptor, Identity};
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_domain::tuf::{Change, Target};
use otaru_store::ciphertexts;
use otaru_store::manifests as stored;
use otaru_store::testing::{break_encryption_off, end_pause_of_encryption};
use serde_json::{Value, json};
use sha2::Digest as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::exclusions::tell;
use crate::fleet::Fleet;
use crate::world::{World, eventually};

fn identity(seed: u8) -> Identity {
    Identity::new(&[seed; 32]).unwrap()
}

fn recipients(seeds: &[u8]) -> Value {
    let recipients: Vec<String> = seeds.iter().map(|seed| identity(*seed).recipient().to_string()).collect();
    json!({"recipients": recipients})
}

/// Has the images of a model encrypted for these.
async fn encrypt_for(world: &World, model: &str, seeds: &[u8]) -> Value {
    world.caller(Role::Admin).await.put(&format!("/models/{model}/encryption"), &recipients(seeds)).await.is(200)
}

/// Firmware of more than a chunk, another for each number.
fn firmware(number: u8) -> Vec<u8> {
    (0..150_000_u32).map(|at| at.to_le_bytes()[1] ^ at.to_le_bytes()[0].wrapping_mul(number)).collect()
}

/// Locks a release that brings the BCM of `models` to a version; its id and its image.
async fn lock(fleet: &Fleet<'_>, models: &[&str], version: &str, bytes: Vec<u8>) -> (i64, String) {
    let upload = fleet.engineer.send("/artifacts?file_name=bcm.bin", "application/octet-stream", bytes).await;
    let sha256 = serde_json::from_slice::<Value>(&upload.bytes).unwrap()["sha256"].as_str().unwrap().to_owned();
    let images = json!([{"hardware_id": "BCM", "sha256": sha256, "version": version}]);
    let body = json!({"name": models[0], "version": version, "models": models, "images": images});
    let id = fleet.engineer.post("/releases", &body).await.is(201)["id"].as_i64().unwrap();
    fleet.engineer.post(&format!("/releases/{id}/lock"), &json!({})).await.is(200);
    (id, sha256)
}

/// The encrypted images of a release, once they are published.
async fn published(fleet: &Fleet<'_>, release: i64) -> Vec<Value> {
    let path = format!("/releases/{release}/encryption");
    eventually("the encrypted release is published", async || {
        let items = fleet.engineer.get(&path).await.is(200)["items"].as_array().unwrap().clone();
        (!items.is_empty() && items.iter().all(|item| item["published_at"].is_string())).then_some(items)
    })
    .await
}

async fn targets(world: &World, model: &str) -> BTreeMap<String, Target> {
    let mut tx = world.store().begin().await.unwrap();
    stored::load(&mut tx, &ModelId::parse(model).unwrap()).await.unwrap().targets().unwrap()
}

/// Where an artifact is that gateways read, and where one that they do not.
fn object(world: &World, folder: &str, sha256: &str) -> PathBuf {
    world.artifacts().join(folder).join(&sha256[..2]).join(sha256)
}

fn decrypted(world: &World, sha256: &str, seed: u8) -> Vec<u8> {
    let bytes = std::fs::read(object(world, "sha256", sha256)).unwrap();
    assert_eq!(hex::encode(sha2::Sha256::digest(&bytes)), sha256);
    let mut plain = Vec::new();
    Decryptor::open(bytes.as_slice(), &[identity(seed)]).unwrap().read_to_end(&mut plain).unwrap();
    plain
}

#[tokio::test]
async fn a_release_is_encrypted_for_the_models_recipients_before_a_campaign_of_it_starts() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 3).await;
    let answer = encrypt_for(&world, &fleet.model, &[1, 2]).await;
    assert_eq!(answer["plain_releases"], json!([fleet.release]), "what is in the targets as it is");
    let (release, plain) = lock(&fleet, &[&fleet.model], "3.0", firmware(3)).await;
    let mut draft = fleet.draft(&[(1.0, 0.0)]);
    draft["release"] = json!(release);
    let id = fleet.create(&draft).await;
    let items = published(&fleet, release).await;
    fleet.command(id, "start").await;

    let name = format!("BCM-3.0-r{release}.bin");
    let target = targets(&world, &fleet.model).await.remove(&name).unwrap();
    let custom = target.custom.unwrap();
    let encryption = custom.encryption.unwrap();
    assert!(custom.hardware_ids.is_empty(), "nobody installs it who does not decrypt it");
    assert_eq!((encryption.scheme.as_str(), encryption.sha256, encryption.length), ("age", plain.clone(), 150_000));
    assert_eq!((items[0]["sha256"].as_str().unwrap(), items.len()), (target.hashes.sha256.as_str(), 1));
    for seed in [1, 2] {
        assert_eq!(decrypted(&world, &target.hashes.sha256, seed), firmware(3));
    }
    // The signed targets tell its hash: what reads artifacts by that finds nothing.
    assert!(!object(&world, "sha256", &plain).exists() && object(&world, "withheld", &plain).exists());
    // Also when it is uploaded again.
    fleet.engineer.send("/artifacts?file_name=bcm.bin", "application/octet-stream", firmware(3)).await.is(200);
    assert!(!object(&world, "sha256", &plain).exists());
    let deltas = fleet.engineer.get(&format!("/releases/{release}/deltas")).await.is(200);
    assert_eq!(deltas["not_for"], json!([fleet.model]));
    fleet.engineer.post(&format!("/releases/{release}/deltas"), &json!({})).await.problem(409, "release-encrypted");

    // What was locked as it is: no campaign begins with it, though it was good before.
    let id = fleet.create(&fleet.draft(&[(1.0, 0.0)])).await;
    let start = fleet.engineer.post(&format!("/campaigns/{id}/start"), &json!({})).await;
    start.problem(409, "release-plain");
}

#[tokio::test]
async fn a_campaign_waits_for_what_a_killed_process_left_and_nothing_is_published_meanwhile() {
    let mut world = World::start().await;
    let (release, plain, name, model) = {
        let fleet = Fleet::new(&world, 1).await;
        encrypt_for(&world, &fleet.model, &[1]).await;
        let (release, plain) = lock(&fleet, &[&fleet.model], "3.0", firmware(5)).await;
        published(&fleet, release).await;
        (release, plain, format!("BCM-3.0-r{release}.bin"), fleet.model.clone())
    };
    world.stop().await;
    let store = world.store().clone();
    // As if it had been killed over the file, which is damaged now.
    break_encryption_off(&store, release).await.unwrap();
    let path = object(&world, "withheld", &plain);
    std::fs::write(&path, [&firmware(5)[..149_999], b"x"].concat()).unwrap();
    let mut tx = store.begin().await.unwrap();
    let id = ModelId::parse(&model).unwrap();
    assert_eq!(ciphertexts::standing(&mut tx, release, &id).await.unwrap(), ciphertexts::Standing::Waits);
    // And a process that knows no encryption signs the targets again.
    let app = App::open(&world.config, CancellationToken::new()).unwrap();
    let mut stripped = targets(&world, &model).await;
    let before = stripped[&name].clone();
    stripped.retain(|known, _| *known == name);
    stripped.get_mut(&name).unwrap().custom.as_mut().unwrap().encryption = None;
    let targets_of_before = stripped.into_iter().map(|(name, target)| (name, Some(target))).collect();
    let change = Change { targets: targets_of_before, ..Change::default() };
    manifests::publish(&mut tx, &app, &id, change, clock::now()).await.unwrap();
    tx.commit().await.unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(run_on(listener, world.config.clone(), stop.clone()));
    let found = eventually("it is tried", async || {
        let found = ciphertexts::of_release(&store, release).await.unwrap().remove(0);
        found.error.clone().map(|error| (found, error))
    });
    let (found, error) = found.await;
    assert!(error.contains("damaged") && error.contains(&plain), "{error}");
    assert!(found.attempts >= 2 && found.sha256.is_none());
    std::fs::write(&path, firmware(5)).unwrap();
    end_pause_of_encryption(&store, release).await.unwrap();
    let target = eventually("it is published", async || {
        // For whoever looks after deltas it was one that is nobody's.
        let target = targets(&world, &model).await.remove(&name)?;
        target.custom.as_ref().unwrap().encryption.is_some().then_some(target)
    });
    let target = target.await;
    assert_ne!(target.hashes, before.hashes, "encrypted anew, it has another key");
    assert_eq!(decrypted(&world, &target.hashes.sha256, 1), firmware(5));
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn of_two_models_only_the_one_without_recipients_has_the_image_as_it_is() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let open = world.model(&fleet.engineer).await;
    encrypt_for(&world, &fleet.model, &[1]).await;
    let (first, plain) = lock(&fleet, &[&fleet.model], "3.0", firmware(7)).await;
    published(&fleet, first).await;
    assert!(!object(&world, "sha256", &plain).exists());
    // The same artifact for a model that has it as it is.
    let (both, _) = lock(&fleet, &[&open, &fleet.model], "3.1", firmware(7)).await;
    published(&fleet, both).await;
    assert!(object(&world, "sha256", &plain).exists(), "it is somebody's to fetch now");
    let name = format!("BCM-3.1-r{both}.bin");
    assert_eq!(targets(&world, &open).await[&name].hashes.sha256, plain);
    let secret = targets(&world, &fleet.model).await;
    assert!(secret.values().all(|target| target.hashes.sha256 != plain), "which the other does not list");
    let names = [format!("BCM-3.0-r{first}.bin"), format!("BCM-3.1-r{both}.bin")];
    let ciphertexts = names.map(|name| secret[&name].hashes.sha256.clone());
    assert_eq!(ciphertexts[0], ciphertexts[1], "encrypted once");

    // Another key: for what is locked from now on.
    encrypt_for(&world, &fleet.model, &[2]).await;
    let (rotated, _) = lock(&fleet, &[&fleet.model], "3.2", firmware(7)).await;
    let items = published(&fleet, rotated).await;
    let sha256 = items[0]["sha256"].as_str().unwrap();
    assert_ne!(sha256, ciphertexts[0]);
    assert_eq!(decrypted(&world, sha256, 2), firmware(7));
    assert_eq!(decrypted(&world, &ciphertexts[0], 1), firmware(7), "and what was locked before stays");
    // Off: what was encrypted stays so, and what is locked is as it is.
    encrypt_for(&world, &fleet.model, &[]).await;
    let (plain_again, _) = lock(&fleet, &[&fleet.model], "3.3", firmware(7)).await;
    let now = targets(&world, &fleet.model).await;
    assert_eq!(now[&format!("BCM-3.3-r{plain_again}.bin")].hashes.sha256, plain);
    assert_eq!(now[&format!("BCM-3.2-r{rotated}.bin")].hashes.sha256, sha256);
    let reason = json!({"reason": "it does not start"});
    fleet.engineer.post(&format!("/releases/{rotated}/recall"), &reason).await.is(200);
    assert!(!targets(&world, &fleet.model).await.contains_key(&format!("BCM-3.2-r{rotated}.bin")));
}

#[tokio::test]
async fn recipients_are_checked_and_for_admins_and_who_cannot_decrypt_is_left_out() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 2).await;
    let admin = world.caller(Role::Admin).await;
    let path = format!("/models/{}/encryption", fleet.model);
    fleet.engineer.put(&path, &recipients(&[1])).await.problem(403, "forbidden");
    admin.put("/models/nowhere/encryption", &recipients(&[1])).await.problem(404, "not-found");
    let good = recipients(&[1])["recipients"][0].clone();
    let secret = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
    for (list, pointer, what) in [
        (json!([good, "age1nothing"]), "/recipients/1", "no age recipient"),
        (json!([secret]), "/recipients/0", "private key"),
        (json!([good, good]), "/recipients/1", "the same key"),
        (json!(vec![good.clone(); 17]), "/recipients", "16"),
    ] {
        let (detail, at) = admin.put(&path, &json!({"recipients": list})).await.problem_at(422, "invalid");
        assert_eq!(at, pointer, "{detail}");
        assert!(detail.contains(what) && !detail.contains(secret), "{detail}");
    }
    encrypt_for(&world, &fleet.model, &[1]).await;
    let model = admin.get(&format!("/models/{}", fleet.model)).await.is(200);
    assert_eq!(model["age_recipients"], json!([good]));
    let log = admin.get("/audit?limit=5").await.is(200);
    let entry = &log["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["action"] == "model_encryption_set")
        .unwrap()
        .clone();
    assert_eq!(entry["details"]["recipients"], json!([good]));

    tell(&fleet, &fleet.vins[0], None).await;
    let (release, _) = lock(&fleet, &[&fleet.model], "3.0", firmware(9)).await;
    let preview =
        fleet.engineer.post("/campaigns/preview", &json!({"release": release, "target": "true"})).await.is(200);
    assert_eq!((&preview["matching"], &preview["excluded"][0]["reason"]), (&json!(1), &json!("cannot_decrypt")));
}
