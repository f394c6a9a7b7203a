//! Deltas of a release: made against what the fleet runs, signed with the images, and gone with them.

use std::collections::BTreeMap;
use std::io::Cursor;

use otaru_campaign::app::App;
use otaru_campaign::auth::Role;
use otaru_campaign::{DeltaConfig, manifests, run_on};
use otaru_domain::delta::{Algorithm, apply};
use otaru_domain::id::{HardwareId, ModelId};
use otaru_domain::tuf::{Change, Key, Target, add_signatures, sign};
use otaru_domain::{clock, topic};
use otaru_store::deltas::{self, Pair};
use otaru_store::manifests as stored;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::exclusions::inventory;
use crate::fleet::Fleet;
use crate::world::{World, eventually};

/// Firmware that does not compress, nearly the same for each number.
fn firmware(number: u8) -> Vec<u8> {
    let mut state = 11_u64;
    let next = std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    let mut bytes: Vec<u8> = next.take(60_000).collect();
    bytes.splice(20_000..20_100, [number; 120]);
    bytes
}

/// A draft that brings the BCM to a version; its id and its image.
async fn draft(fleet: &Fleet<'_>, version: &str, bytes: Vec<u8>) -> (i64, String) {
    let sha256 = fleet.engineer.upload("bcm.bin", bytes.leak()).await;
    let images = json!([{"hardware_id": "BCM", "sha256": sha256, "version": version}]);
    let body = json!({"name": fleet.model, "version": version, "models": [fleet.model], "images": images});
    (fleet.engineer.post("/releases", &body).await.is(201)["id"].as_i64().unwrap(), sha256)
}

async fn locked(fleet: &Fleet<'_>, version: &str, bytes: Vec<u8>) -> (i64, String) {
    let (id, sha256) = draft(fleet, version, bytes).await;
    fleet.engineer.post(&format!("/releases/{id}/lock"), &json!({})).await.is(200);
    (id, sha256)
}

/// The deltas of a release, by the version they come from, once the engine is done with it.
async fn done(fleet: &Fleet<'_>, release: i64) -> BTreeMap<String, Value> {
    let path = format!("/releases/{release}/deltas");
    let deltas = eventually("the release's deltas are made", async || {
        let deltas = fleet.engineer.get(&path).await.is(200);
        let over = |delta: &Value| match delta["state"].as_str().unwrap() {
            "built" => delta["published_at"].is_string(),
            state => state == "not_worth_it" || state == "failed",
        };
        (deltas["planned"] == true && deltas["items"].as_array().unwrap().iter().all(over)).then_some(deltas)
    });
    let deltas = deltas.await["items"].as_array().unwrap().clone();
    deltas.into_iter().map(|one| (one["source_version"].as_str().unwrap_or("-").to_owned(), one)).collect()
}

fn states(deltas: &BTreeMap<String, Value>) -> Vec<(&str, &str)> {
    deltas.iter().map(|(version, delta)| (version.as_str(), delta["state"].as_str().unwrap())).collect()
}

/// The targets of the fleet's model as the newest timestamp in its topic stands for them.
async fn targets(fleet: &Fleet<'_>) -> BTreeMap<String, Target> {
    let topic = topic::manifests(&ModelId::parse(&fleet.model).unwrap());
    let records = fleet.world.bus.read_topic(&topic).await.unwrap();
    let file = |wanted: &dyn Fn(&str) -> bool| {
        // A tombstone takes an old version away.
        let newest = records.iter().rev().find_map(|record| {
            record.key.as_deref().is_some_and(|key| wanted(&String::from_utf8_lossy(key))).then_some(())?;
            record.value.as_deref()
        });
        serde_json::from_slice::<Value>(newest.unwrap()).unwrap()
    };
    let newest = file(&|name| name.ends_with(".targets.json"));
    serde_json::from_value(newest["signed"]["targets"].clone()).unwrap()
}

fn is_delta(target: &Target) -> bool {
    target.custom.as_ref().is_some_and(|custom| custom.delta.is_some())
}

/// Waits until so many deltas are in the targets, and gives them.
async fn published(fleet: &Fleet<'_>, count: usize) -> BTreeMap<String, Target> {
    eventually("the deltas are in the topic", async || {
        let mut targets = targets(fleet).await;
        targets.retain(|_, target| is_delta(target));
        (targets.len() == count).then_some(targets)
    })
    .await
}

/// Another process in the place of the world's, which has ended.
async fn successor(world: &World, deltas: DeltaConfig) -> (CancellationToken, JoinHandle<anyhow::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (mut config, stop) = (world.config.clone(), CancellationToken::new());
    config.deltas = deltas;
    (stop.clone(), tokio::spawn(run_on(listener, config, stop)))
}

#[tokio::test]
async fn a_locked_release_has_deltas_from_what_the_fleet_runs_and_they_are_signed() {
    let world = World::start_with(|config| config.deltas.sources = 2).await;
    let fleet = Fleet::new(&world, 6).await;
    for (version, number) in [("1.0", 1), ("1.1", 2), ("1.2", 3), ("1.3", 4)] {
        let (release, _) = locked(&fleet, version, firmware(number)).await;
        done(&fleet, release).await;
    }
    for (vin, version) in fleet.vins.iter().zip(["1.1", "1.1", "1.1", "1.0", "1.0", "1.2"]) {
        inventory(&fleet, vin, &[("BCM", version)]).await;
    }
    let (release, image) = locked(&fleet, "2.0", firmware(9)).await;
    let made = done(&fleet, release).await;
    // Most run 1.1, then 1.0; 1.3 is the release before; noise does not compress.
    assert_eq!(states(&made), [("-", "not_worth_it"), ("1.0", "built"), ("1.1", "built"), ("1.3", "built")]);
    let one = &made["1.1"];
    assert!(one["ratio"].as_f64().unwrap() < 0.05 && one["requested_by"] == "engine", "{one:#}");

    // Each of the three releases that had one before has its delta, too.
    let signed = published(&fleet, 3 + 3).await;
    let ours = |target: &&Target| target.custom.as_ref().unwrap().release == release;
    let signed: Vec<&Target> = signed.values().filter(ours).collect();
    assert_eq!(signed.len(), 3);
    for target in signed {
        let custom = target.custom.as_ref().unwrap();
        let delta = custom.delta.as_ref().unwrap();
        assert!(custom.hardware_ids.is_empty() && delta.image == format!("BCM-2.0-r{release}.bin"));
        let source = delta.source_sha256.as_deref().unwrap();
        let object =
            |sha256: &str| std::fs::read(world.artifacts().join("sha256").join(&sha256[..2]).join(sha256)).unwrap();
        let (bytes, source) = (object(&target.hashes.sha256), object(source));
        assert_eq!(bytes.len() as u64, target.length);
        let mut result = Vec::new();
        let algorithm = Algorithm::parse(&delta.algorithm).unwrap();
        let lengths = (source.len() as u64, 60_020);
        apply(algorithm, bytes.as_slice(), Cursor::new(source), lengths.0, lengths.1, &mut result).unwrap();
        assert_eq!(result, object(&image), "applied, it is the image");
    }

    let reason = json!({"reason": "it does not start"});
    fleet.engineer.post(&format!("/releases/{release}/recall"), &reason).await.is(200);
    let left = published(&fleet, 3).await;
    assert!(
        left.values().all(|target| target.custom.as_ref().unwrap().release != release),
        "they went with their image"
    );
    assert!(!targets(&fleet).await.contains_key(&format!("BCM-2.0-r{release}.bin")));
}

#[tokio::test]
async fn a_pair_that_cannot_be_built_keeps_no_other_from_it() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 2).await;
    let (_, lost) = locked(&fleet, "1.0", firmware(1)).await;
    locked(&fleet, "1.1", firmware(2)).await;
    inventory(&fleet, &fleet.vins[0], &[("BCM", "1.0")]).await;
    inventory(&fleet, &fleet.vins[1], &[("BCM", "1.1")]).await;
    std::fs::remove_file(world.artifacts().join("sha256").join(&lost[..2]).join(&lost)).unwrap();
    let (release, _) = locked(&fleet, "2.0", firmware(3)).await;
    let made = done(&fleet, release).await;
    assert_eq!(states(&made), [("-", "not_worth_it"), ("1.0", "failed"), ("1.1", "built")]);
    let error = made["1.0"]["error"].as_str().unwrap();
    assert!(error.contains(&lost) && error.contains("not in the object store"), "{error}");

    // When the file is there again, an engineer has it tried again.
    fleet.engineer.send("/artifacts?file_name=bcm.bin", "application/octet-stream", firmware(1)).await.is(200);
    let asked = fleet.engineer.post(&format!("/releases/{release}/deltas"), &json!({})).await.is(202);
    assert_eq!(asked["planned"], false);
    assert_eq!(states(&done(&fleet, release).await), [("-", "not_worth_it"), ("1.0", "built"), ("1.1", "built")]);
}

#[tokio::test]
async fn what_a_killed_builder_leaves_is_built_by_the_next() {
    let mut world = World::start_with(|config| config.deltas.enabled = false).await;
    let (release, source) = {
        let fleet = Fleet::new(&world, 1).await;
        let (_, source) = locked(&fleet, "1.0", firmware(1)).await;
        (locked(&fleet, "2.0", firmware(2)).await.0, source)
    };
    // A leader is killed over one delta each time it begins it, and its successor over another.
    let (store, now) = (world.store().clone(), clock::now());
    let pair = |source| Pair { hardware_id: HardwareId::parse("BCM").unwrap(), source };
    let mut tx = store.begin().await.unwrap();
    deltas::plan(&mut tx, release, &[pair(None)], "engine", now).await.unwrap();
    for attempts in 1..=4 {
        assert_eq!(deltas::claim(&mut tx, now).await.unwrap().unwrap().attempts, attempts);
    }
    let source = Some((source.parse().unwrap(), Some("1.0".to_owned())));
    deltas::plan(&mut tx, release, &[pair(source)], "engine", now).await.unwrap();
    let next = deltas::claim(&mut tx, now).await.unwrap().unwrap();
    assert_eq!((next.source.is_some(), next.attempts), (true, 1), "what was never begun comes first");
    tx.commit().await.unwrap();

    world.stop().await;
    let (stop, running) = successor(&world, DeltaConfig::default()).await;
    let over = eventually("both are over", async || {
        let (made, _) = deltas::of_release(&store, release).await.unwrap();
        let made: Vec<_> = made.iter().map(|one| (one.state.as_str(), one.error.clone(), one.published_at)).collect();
        made.iter().all(|(state, _, published)| *state == "failed" || published.is_some()).then_some(made)
    });
    let over = over.await;
    assert_eq!((over[0].0, over[1].0), ("failed", "built"));
    assert!(over[0].1.as_ref().unwrap().contains("was the process killed over it?"), "{over:?}");
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_an_earlier_process_lost_is_signed_anew_and_off_is_off() {
    let mut world = World::start().await;
    let model;
    {
        let fleet = Fleet::new(&world, 1).await;
        model = ModelId::parse(&fleet.model).unwrap();
        locked(&fleet, "1.0", firmware(1)).await;
        let (release, _) = locked(&fleet, "2.0", firmware(2)).await;
        done(&fleet, release).await;
    }
    let store = world.store().clone();
    let deltas = async || {
        let mut tx = store.begin().await.unwrap();
        let mut targets = stored::load(&mut tx, &model).await.unwrap().targets().unwrap();
        targets.retain(|_, target| is_delta(target));
        targets
    };
    let before = deltas().await;
    assert_eq!(before.len(), 1);
    world.stop().await;
    // A process that knows no deltas signs the targets again.
    let app = App::open(&world.config, CancellationToken::new()).unwrap();
    let mut stripped = before.clone();
    for target in stripped.values_mut() {
        target.custom.as_mut().unwrap().delta = None;
    }
    let change = Change {
        targets: stripped.into_iter().map(|(name, target)| (name, Some(target))).collect(),
        ..Change::default()
    };
    let mut tx = store.begin().await.unwrap();
    manifests::publish(&mut tx, &app, &model, change, clock::now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(deltas().await.len(), 0);

    for (config, expected) in [
        (DeltaConfig::default(), &before),
        (DeltaConfig { enabled: false, ..DeltaConfig::default() }, &BTreeMap::new()),
        (DeltaConfig::default(), &before),
    ] {
        let (stop, running) = successor(&world, config).await;
        eventually("the targets are right", async || (deltas().await == *expected).then_some(())).await;
        stop.cancel();
        running.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_approver_signs_the_deltas_with_the_release_and_once() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let (admin, approver) = (world.caller(Role::Admin).await, world.caller(Role::Approver).await);
    locked(&fleet, "1.0", firmware(1)).await;
    let own = Key::generate().unwrap();
    let model = format!("/models/{}", fleet.model);
    let root_key = world.config.keys_dir.join(&fleet.model).join("root.pem");
    let root_key = Key::from_pem(&std::fs::read_to_string(root_key).unwrap()).unwrap();
    let draft = format!("{model}/root/draft?targets_key={}", own.public().keyval.public);
    let root = sign(&admin.get(&draft).await.is(200), &[&root_key]).unwrap();
    admin.put(&format!("{model}/root"), &serde_json::from_slice(&root).unwrap()).await.is(200);
    let cosign = async || {
        let draft = approver.get(&format!("{model}/targets/draft")).await.is(200);
        let signed = add_signatures(&serde_json::to_vec(&draft).unwrap(), &[&own]).unwrap();
        approver.put(&format!("{model}/targets"), &serde_json::from_slice(&signed).unwrap()).await.is(200);
    };
    cosign().await;
    let (release, _) = locked(&fleet, "2.0", firmware(2)).await;
    let made = done(&fleet, release).await;
    assert_eq!(states(&made), [("-", "not_worth_it"), ("1.0", "built")]);
    let draft = approver.get(&format!("{model}/targets/draft")).await.is(200);
    let names: Vec<&String> = draft["signed"]["targets"].as_object().unwrap().keys().collect();
    let of_release = names.iter().filter(|name| name.starts_with(&format!("BCM-2.0-r{release}.bin"))).count();
    assert_eq!(of_release, 2, "the image and its delta wait together: {names:?}");
    assert_eq!(
        targets(&fleet).await.values().filter(|target| is_delta(target)).count(),
        0,
        "nothing without the approver"
    );
    cosign().await;
    published(&fleet, 1).await;
    fleet.engineer.get(&format!("{model}/targets/draft")).await.problem(404, "nothing-to-sign");
}

#[tokio::test]
async fn deltas_from_other_sources_are_made_for_whoever_asks() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let ada = &fleet.engineer;
    let (first, _) = locked(&fleet, "1.0", firmware(1)).await;
    locked(&fleet, "1.1", firmware(2)).await;
    let (release, image) = locked(&fleet, "2.0", firmware(3)).await;
    let path = format!("/releases/{release}/deltas");
    assert_eq!(states(&done(&fleet, release).await), [("-", "not_worth_it"), ("1.1", "built")]);

    let factory = ada.upload("factory.bin", firmware(7).leak()).await;
    ada.post(&path, &json!({"hardware_id": "BCM", "source_version": "1.0"})).await.is(202);
    ada.post(&path, &json!({"hardware_id": "BCM", "source_version": "factory", "source_sha256": factory}))
        .await
        .is(202);
    let made = done(&fleet, release).await;
    let expected = [("-", "not_worth_it"), ("1.0", "built"), ("1.1", "built"), ("factory", "built")];
    assert_eq!(states(&made), expected);
    assert_eq!(made["factory"]["requested_by"], ada.name);
    // The same pair for another release is not built again.
    let body = json!({"name": "again", "version": "2", "models": [fleet.model],
        "images": [{"hardware_id": "BCM", "sha256": image, "version": "2.0"}]});
    let again = ada.post("/releases", &body).await.is(201)["id"].as_i64().unwrap();
    ada.post(&format!("/releases/{again}/lock"), &json!({})).await.is(200);
    assert_eq!(done(&fleet, again).await["1.1"]["sha256"], made["1.1"]["sha256"]);

    let refused = async |body: Value| ada.post(&path, &body).await.problem_at(422, "invalid").1;
    assert_eq!(refused(json!({"hardware_id": "IVI"})).await, "/hardware_id");
    assert_eq!(refused(json!({"source_version": "1.0"})).await, "/hardware_id");
    assert_eq!(refused(json!({"hardware_id": "BCM", "source_version": "0.9"})).await, "/source_version");
    assert_eq!(refused(json!({"hardware_id": "BCM", "source_sha256": "ab".repeat(32)})).await, "/source_sha256");
    assert_eq!(refused(json!({"hardware_id": "BCM", "source_sha256": image})).await, "/source_sha256");
    let (unlocked, _) = draft(&fleet, "3.0", firmware(4)).await;
    ada.post(&format!("/releases/{unlocked}/deltas"), &json!({})).await.problem(409, "release-not-locked");
    world.caller(Role::Viewer).await.post(&path, &json!({})).await.problem(403, "forbidden");
    assert_eq!(ada.get(&format!("/releases/{first}/deltas")).await.is(200)["enabled"], true);
}

#[tokio::test]
async fn an_image_that_is_too_large_is_said_to_be() {
    let world = World::start_with(|config| config.deltas.max_bytes = 50_000).await;
    let fleet = Fleet::new(&world, 1).await;
    let (release, _) = locked(&fleet, "1.0", firmware(1)).await;
    let made = done(&fleet, release).await;
    assert!(made["-"]["error"].as_str().unwrap().contains("--delta-max-mib"), "{made:#?}");
    let off = World::start_with(|config| config.deltas.enabled = false).await;
    let fleet = Fleet::new(&off, 1).await;
    let (release, _) = locked(&fleet, "1.0", firmware(1)).await;
    fleet.engineer.post(&format!("/releases/{release}/deltas"), &json!({})).await.problem(409, "deltas-off");
}
