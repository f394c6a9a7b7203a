//! One signing key follows another: over HTTP, with a process that ends in the middle and another that goes on.

use otaru_campaign::app::App;
use otaru_campaign::auth::Role;
use otaru_campaign::manifests::{self, finish_rotations};
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_domain::tuf::{Change, Key, Metadata, Root, Timestamp, sign, verify};
use otaru_store::Tx;
use otaru_store::manifests as stored;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::world::{Answer, Caller, World};

async fn next_root(world: &World, admin: &Caller<'_>, id: &str) -> Vec<u8> {
    let draft: Metadata<Root> =
        serde_json::from_value(admin.get(&format!("/models/{id}/root/draft")).await.is(200)).unwrap();
    let pem = std::fs::read_to_string(world.config.keys_dir.join(id).join("root.pem")).unwrap();
    sign(&draft, &[&Key::from_pem(&pem).unwrap()]).unwrap()
}

async fn put(admin: &Caller<'_>, id: &str, root: Vec<u8>) -> Answer {
    Answer::of(admin.request(Method::PUT, &format!("/models/{id}/root")).body(root)).await
}

/// The keys of `role` that vehicles take, and whether another waits.
async fn keys(admin: &Caller<'_>, id: &str, role: &str) -> (Vec<String>, bool) {
    let keys = admin.get(&format!("/models/{id}/keys")).await.is(200);
    let of_role: Vec<Value> =
        keys["items"].as_array().unwrap().iter().filter(|key| key["role"] == role).cloned().collect();
    let ids =
        of_role.iter().filter(|key| key["in_force"] == true).map(|key| key["key_id"].as_str().unwrap().to_owned());
    (ids.collect(), of_role[0]["newest"] == true && of_role[0]["in_force"] == false)
}

/// Fails unless the newest root's keys signed the timestamp that is stored.
async fn check(tx: &mut Tx, id: &ModelId) -> Root {
    use otaru_domain::tuf::{Role, parse_unverified};
    let repository = stored::load(tx, id).await.unwrap();
    let root: Metadata<Root> = parse_unverified(repository.roots.values().next_back().unwrap()).unwrap();
    let role = &root.body.roles[&Role::Timestamp];
    let bytes = &repository.files[&Role::Timestamp].bytes;
    verify::<Metadata<Timestamp>>(bytes, &root.body.keys, &role.keyids, role.threshold).unwrap();
    root.body
}

#[tokio::test]
async fn a_key_is_followed_by_another_and_destroyed_only_when_no_vehicle_needs_it() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let engineer = world.engineer().await;
    let id = world.model(&admin).await;
    engineer.post(&format!("/models/{id}/keys"), &json!({"role": "timestamp"})).await.problem(403, "forbidden");
    admin.post(&format!("/models/{id}/keys"), &json!({"role": "root"})).await.problem(422, "invalid");
    for reference in ["env:HOME", "env:OTARU_KEY_THAT_IS_NOT_SET", "pkcs11:token=a;object=b"] {
        let body = json!({"role": "timestamp", "reference": reference});
        let (_, at) = admin.post(&format!("/models/{id}/keys"), &body).await.problem_at(422, "invalid");
        assert_eq!(at, "/reference", "{reference}");
    }
    for role in ["targets", "snapshot", "timestamp"] {
        let (old, waits) = keys(&admin, &id, role).await;
        assert!(!waits && old.len() == 1);
        let made = admin.post(&format!("/models/{id}/keys"), &json!({"role": role})).await.is(200);
        let again = admin.post(&format!("/models/{id}/keys"), &json!({"role": role})).await.is(200);
        assert_eq!(made["key_id"], again["key_id"], "a key that waits is enough");
        assert_eq!(keys(&admin, &id, role).await, (old.clone(), true));
        admin.delete(&format!("/models/{id}/keys/{}", old[0])).await.problem(409, "key-in-force");

        put(&admin, &id, next_root(&world, &admin, &id).await).await.is(200);
        assert_eq!(keys(&admin, &id, role).await, (vec![made["key_id"].as_str().unwrap().to_owned()], false));
        admin.delete(&format!("/models/{id}/keys/{}", old[0])).await.is(204);
        admin.delete(&format!("/models/{id}/keys/{}", old[0])).await.problem(404, "not-found");
        assert!(!world.config.keys_dir.join(&id).join(format!("{role}.pem")).exists());
    }
    // The role that the targets delegate to follows without a root.
    let (old, _) = keys(&admin, &id, "campaigns").await;
    let made = admin.post(&format!("/models/{id}/keys"), &json!({"role": "campaigns"})).await.is(200);
    assert_eq!((&made["in_force"], keys(&admin, &id, "campaigns").await.1), (&Value::Bool(true), false));
    admin.delete(&format!("/models/{id}/keys/{}", old[0])).await.is(204);
    admin.delete(&format!("/models/{id}/keys/{}", made["key_id"].as_str().unwrap())).await.problem(409, "key-in-force");
    let actions = admin.get("/audit?limit=100").await.is(200).to_string();
    for action in ["signing_key_made", "signing_key_revoked", "root_accepted"] {
        assert!(actions.contains(action), "{action}");
    }
    world.repository(&id, 5).await;
}

#[tokio::test]
async fn another_process_goes_on_with_a_rotation_that_was_broken_off_anywhere() {
    let mut world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let id = world.model(&admin).await;
    let model = ModelId::parse(&id).unwrap();
    let old = keys(&admin, &id, "timestamp").await.0;
    // A second process, which has read the keys before.
    let other = App::open(&world.config, CancellationToken::new()).unwrap();
    assert!(other.keys.online_keys(&model).unwrap().earlier.is_empty());

    admin.post(&format!("/models/{id}/keys"), &json!({"role": "timestamp"})).await.is(200);
    // As it is when the first process is killed before it writes that the new campaigns key is in use.
    other.keys.make_next(&model, otaru_domain::tuf::Role::Campaigns, None).unwrap();
    let root = next_root(&world, &admin, &id).await;
    world.stop().await;

    let now = clock::now();
    let mut tx = other.store.begin().await.unwrap();
    manifests::publish(&mut tx, &other, &model, Change::default(), now).await.unwrap();
    let before = check(&mut tx, &model).await;
    assert_eq!(before.roles[&otaru_domain::tuf::Role::Timestamp].keyids, old);
    manifests::accept_root(&mut tx, &other, &model, &root, now).await.unwrap();
    assert_ne!(check(&mut tx, &model).await.roles[&otaru_domain::tuf::Role::Timestamp].keyids, old);
    // Killed before it is committed: all is as it was.
    tx.rollback().await.unwrap();
    let mut tx = other.store.begin().await.unwrap();
    assert_eq!(check(&mut tx, &model).await.roles[&otaru_domain::tuf::Role::Timestamp].keyids, old);
    tx.rollback().await.unwrap();
    assert_eq!(finish_rotations(&other, now).await.unwrap(), 1);
    assert_eq!(finish_rotations(&other, now).await.unwrap(), 0);

    let mut tx = other.store.begin().await.unwrap();
    manifests::accept_root(&mut tx, &other, &model, &root, now).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = other.store.begin().await.unwrap();
    check(&mut tx, &model).await;
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn it_is_told_when_metadata_expires() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let id = world.model(&admin).await;
    let model = admin.get(&format!("/models/{id}")).await.is(200);
    let files = model["metadata"].as_array().unwrap();
    let roles: Vec<&str> = files.iter().map(|file| file["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["timestamp", "campaigns", "snapshot", "targets", "root"], "what expires first is in front");
    assert!(files.iter().all(|file| file["soon"] == false && file["waiting"] == false), "{files:?}");
    let root: Metadata<Root> =
        serde_json::from_value(admin.get(&format!("/models/{id}/root")).await.is(200)["signed"].clone()).unwrap();
    assert_eq!(
        files[4]["expires_at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap(),
        root.expires
    );
    // A root that waits for its targets shows, too.
    let approver = Key::generate().unwrap();
    let path = format!("/models/{id}/root/draft?targets_key={}", approver.public().keyval.public);
    let mut draft: Metadata<Root> = serde_json::from_value(admin.get(&path).await.is(200)).unwrap();
    draft.expires -= chrono::TimeDelta::days(340);
    let pem = std::fs::read_to_string(world.config.keys_dir.join(&id).join("root.pem")).unwrap();
    put(&admin, &id, sign(&draft, &[&Key::from_pem(&pem).unwrap()]).unwrap()).await.is(200);
    let model = admin.get(&format!("/models/{id}")).await.is(200);
    let files = model["metadata"].as_array().unwrap().iter();
    let waiting: Vec<(&Value, &Value)> =
        files.filter(|file| file["waiting"] == true).map(|file| (&file["role"], &file["soon"])).collect();
    assert_eq!(waiting, [(&Value::from("root"), &Value::from(true)), (&Value::from("targets"), &Value::from(false))]);
    assert_eq!(admin.get("/models").await.is(200)["items"][0]["metadata"].as_array().unwrap().len(), 7);
}
