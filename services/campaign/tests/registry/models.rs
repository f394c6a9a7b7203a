use chrono::TimeDelta;
use otaru_bus::{Bus, BusConfig};
use otaru_campaign::app::App;
use otaru_campaign::auth::Role;
use otaru_campaign::manifests::{renew_due, republish_if_behind};
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_domain::topic;
use otaru_domain::tuf::{Key, Metadata, Root, sign};
use otaru_embedded::Broker;
use otaru_store::{manifests, outbox};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::{Answer, World, eventually, model_body};

fn hex(key: &Key) -> String {
    key.public().keyval.public.clone()
}

#[tokio::test]
async fn a_model_awaits_its_root_until_one_signed_offline_is_put_in() {
    let world = World::start_with(|config| config.demo_root = false).await;
    let admin = world.caller(Role::Admin).await;
    let id = world.model(&admin).await;
    let path = format!("/models/{id}/root");
    let model = admin.get(&format!("/models/{id}")).await.is(200);
    assert_eq!(model["state"], "awaiting_root");
    assert_eq!(model["topic"], format!("otaru.manifests.{id}"));
    assert_eq!(model["hardware"][0]["hardware_id"], "BCM");
    admin.get(&path).await.problem(404, "model-awaiting-root");
    assert!(admin.get(&format!("{path}/draft")).await.problem(400, "bad-request").contains("root_key"));

    let (root_key, stranger) = (Key::generate().unwrap(), Key::generate().unwrap());
    let draft = admin.get(&format!("{path}/draft?root_key={}", hex(&root_key))).await.is(200);
    let draft: Metadata<Root> = serde_json::from_value(draft).unwrap();
    assert_eq!(draft.version, 1);
    let put = async |bytes: Vec<u8>| Answer::of(admin.request(Method::PUT, &path).body(bytes)).await;
    let forged = put(sign(&draft, &[&stranger]).unwrap()).await;
    assert!(forged.problem(422, "root-refused").contains("0 valid signatures, 1 are needed"));
    put(b"no json".to_vec()).await.problem(422, "root-refused");

    let signed = sign(&draft, &[&root_key]).unwrap();
    assert_eq!(put(signed.clone()).await.is(200), json!({"model": id, "version": 1, "waits_for_targets": false}));
    assert_eq!(admin.get(&format!("/models/{id}")).await.is(200)["state"], "active");
    assert_eq!(admin.get(&path).await.bytes, signed);
    assert!(put(signed).await.problem(422, "root-refused").contains("version 1, the next is 2"));
    let next = admin.get(&format!("{path}/draft")).await.is(200);
    assert_eq!(
        (next["version"].clone(), next["roles"]["root"].clone()),
        (json!(2), json!({"keyids": [root_key.id()], "threshold": 1}))
    );
    world.repository(&id, 1).await;
}

#[tokio::test]
async fn several_root_keys_with_a_threshold_can_be_asked_for() {
    let world = World::start_with(|config| config.demo_root = false).await;
    let caller = world.caller(Role::Admin).await;
    let id = world.model(&caller).await;
    let (one, two) = (hex(&Key::generate().unwrap()), hex(&Key::generate().unwrap()));
    let draft = async |query: String| caller.get(&format!("/models/{id}/root/draft?{query}")).await;
    let root = draft(format!("root_key={one}&root_key={two}&threshold=2")).await.is(200);
    assert_eq!(root["roles"]["root"]["threshold"], 2);
    assert_eq!(root["roles"]["root"]["keyids"].as_array().unwrap().len(), 2);
    draft(format!("root_key={one}&root_key={one}&threshold=2")).await.problem(400, "bad-request");
    draft(format!("root_key={one}&threshold=0")).await.problem(400, "bad-request");
    draft("root_key=xyz".to_owned()).await.problem(400, "bad-request");
    draft("threshold=1".to_owned()).await.problem(400, "bad-request");
    draft(format!("root_keys={one}")).await.problem(400, "bad-request");
}

#[tokio::test]
async fn a_root_is_an_admins_to_put_in() {
    let world = World::start().await;
    let engineer = world.engineer().await;
    let id = world.model(&engineer).await;
    engineer.put(&format!("/models/{id}/root"), &json!({})).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_demos_model_is_active_at_once_and_its_topic_is_a_whole_repository() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let id = world.model(&caller).await;
    assert_eq!(caller.get(&format!("/models/{id}")).await.is(200)["state"], "active");
    let names: Vec<_> = world.repository(&id, 1).await.into_iter().map(|record| record.key.unwrap()).collect();
    let names: Vec<_> = names.iter().map(|name| std::str::from_utf8(name).unwrap()).collect();
    assert_eq!(names, ["1.root.json", "1.targets.json", "1.campaigns.json", "1.snapshot.json", "timestamp.json"]);
}

#[tokio::test]
async fn models_are_listed_in_pages() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(world.model(&caller).await);
    }
    made.sort();
    let first = caller.get("/models?limit=2").await.is(200);
    let next = format!("/models?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = caller.get(&next).await.is(200);
    assert_eq!(second["next_cursor"], Value::Null);
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!([ids(&first), ids(&second)].concat(), made);
}

#[tokio::test]
async fn a_model_that_is_not_acceptable_is_refused_with_the_field() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let id = world.model(&caller).await;
    let refused = async |change: &dyn Fn(&mut Value), code: (u16, &str)| {
        let mut body = model_body("other");
        change(&mut body);
        caller.post("/models", &body).await.problem_at(code.0, code.1).1
    };
    let invalid = (422, "invalid");
    assert_eq!(refused(&|body| body["id"] = json!(id), (409, "model-exists")).await, "/id");
    assert_eq!(refused(&|body| body["id"] = json!("No Such"), invalid).await, "/id");
    assert_eq!(refused(&|body| body["name"] = json!("  "), invalid).await, "/name");
    assert_eq!(refused(&|body| body["name"] = json!("a\u{7}"), invalid).await, "/name");
    assert_eq!(refused(&|body| body["hardware"] = json!([]), invalid).await, "/hardware");
    assert_eq!(
        refused(&|body| body["hardware"][1]["hardware_id"] = json!("BCM"), invalid).await,
        "/hardware/1/hardware_id"
    );
    assert_eq!(refused(&|body| body["hardware"][1]["name"] = json!(""), invalid).await, "/hardware/1/name");
    assert_eq!(refused(&|body| body["colour"] = json!("red"), invalid).await, "/colour");
    caller.get("/models/other").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_cap_on_bandwidth_is_put_taken_off_audited_and_never_a_slip() {
    let world = World::start().await;
    let (engineer, admin) = (world.engineer().await, world.caller(Role::Admin).await);
    let id = world.model(&engineer).await;
    let call = format!("/models/{id}/bandwidth");
    assert_eq!(engineer.get(&format!("/models/{id}")).await.is(200)["max_bytes_per_sec"], Value::Null);
    engineer.put(&call, &json!({"max_bytes_per_sec": 20_000})).await.problem(403, "forbidden");
    for wrong in [json!(0), json!(16_383), json!((1_u64 << 40) + 1), json!("fast")] {
        let body = json!({"max_bytes_per_sec": wrong});
        assert_eq!(admin.put(&call, &body).await.problem_at(422, "invalid").1, "/max_bytes_per_sec", "{wrong}");
    }
    // Nobody takes a cap off by leaving it out.
    admin.put(&call, &json!({})).await.problem(422, "invalid");
    assert_eq!(admin.put(&call, &json!({"max_bytes_per_sec": 20_000})).await.is(200)["max_bytes_per_sec"], 20_000);
    assert_eq!(engineer.get(&format!("/models/{id}")).await.is(200)["max_bytes_per_sec"], 20_000);
    assert_eq!(admin.put(&call, &json!({"max_bytes_per_sec": null})).await.is(200)["max_bytes_per_sec"], Value::Null);
    admin.put("/models/nowhere/bandwidth", &json!({"max_bytes_per_sec": null})).await.problem(404, "not-found");
    let said = admin.get(&format!("/audit?object=model-{id}&action=model_bandwidth_set")).await.is(200);
    assert_eq!(said["items"].as_array().unwrap().len(), 2, "{said}");
}

#[tokio::test]
async fn without_a_broker_no_model_is_half_made_and_it_can_be_made_later() {
    let world = World::start_unready(|config| config.bus = BusConfig::new("127.0.0.1:1")).await;
    let caller = eventually("the schema is there", async || match world.request(Method::GET, "/readyz").send().await {
        Ok(answer) => (!answer.text().await.unwrap().contains("database")).then_some(()),
        Err(_) => None,
    });
    caller.await;
    let caller = world.engineer().await;
    let id = format!("m-{}", Uuid::new_v4().simple());
    let answer = caller.post("/models", &model_body(&id)).await;
    assert!(answer.problem(503, "unavailable").contains("127.0.0.1:1"));
    caller.get(&format!("/models/{id}")).await.problem(404, "not-found");
    let key = std::fs::read(world.config.keys_dir.join(&id).join("targets.pem")).unwrap();
    caller.post("/models", &model_body(&id)).await.problem(503, "unavailable");
    assert_eq!(std::fs::read(world.config.keys_dir.join(&id).join("targets.pem")).unwrap(), key);
    let ready = world.request(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text().await.unwrap().contains("broker"));
}

#[tokio::test]
async fn metadata_is_renewed_at_half_of_its_life_and_not_before() {
    let mut world = World::start().await;
    let id = world.model(&world.engineer().await).await;
    world.stop().await;
    let app = App::open(&world.config, CancellationToken::new()).unwrap();
    let model = ModelId::parse(&id).unwrap();
    let now = clock::now();
    assert_eq!(renew_due(&app, now + TimeDelta::hours(11)).await.unwrap(), 0);
    assert_eq!(renew_due(&app, now + TimeDelta::hours(13)).await.unwrap(), 1);
    assert_eq!(renew_due(&app, now + TimeDelta::hours(13)).await.unwrap(), 0);
    assert_eq!(manifests::active(&app.store).await.unwrap(), [(model, 2)]);
}

#[tokio::test]
async fn a_topic_that_lost_its_messages_gets_the_whole_repository_again() {
    let mut world = World::start().await;
    let id = world.model(&world.engineer().await).await;
    world.repository(&id, 1).await;
    world.stop().await;
    let app = App::open(&world.config, CancellationToken::new()).unwrap();
    let now = clock::now();
    assert_eq!(republish_if_behind(&app, &app.bus, now).await.unwrap(), 0);

    let emptied = Broker::start(world.folder.path(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let properties = Broker::client_properties();
    let bus = Bus::new(BusConfig { properties, ..BusConfig::new(emptied.bootstrap()) });
    assert_eq!(republish_if_behind(&app, &bus, now).await.unwrap(), 1);
    let topic = topic::manifests(&ModelId::parse(&id).unwrap());
    let pending = outbox::next_batch(&app.store, &topic, 100, 1 << 30).await.unwrap();
    assert_eq!(pending.len(), 5);
    assert_eq!(pending[4].message.key.as_deref(), Some(b"timestamp.json".as_slice()));
    emptied.stop().await;
}
