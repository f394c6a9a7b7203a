use serde_json::{Value, json};

use crate::world::{Caller, World, model_body};

struct Stage<'a> {
    caller: Caller<'a>,
    model: String,
    bcm: String,
    ivi: String,
}

impl<'a> Stage<'a> {
    async fn of(world: &'a World) -> Self {
        let caller = world.engineer().await;
        let model = world.model(&caller).await;
        let bcm = caller.upload("bcm.hex", b"body control").await;
        let ivi = caller.upload("ivi", b"infotainment").await;
        Self { caller, model, bcm, ivi }
    }

    fn body(&self, version: &str) -> Value {
        json!({
            "name": "Spring", "version": version, "notes": "Faster.\nSafer.", "rxswin": "R2", "models": [self.model],
            "images": [
                {"hardware_id": "BCM", "sha256": self.bcm, "version": "2.3.0"},
                {"hardware_id": "IVI", "sha256": self.ivi, "version": "7 beta"},
            ],
        })
    }
}

#[tokio::test]
async fn metadata_that_the_broker_would_not_take_is_refused_and_blocks_nothing() {
    let limit = ("message.max.bytes".to_owned(), "12000".to_owned());
    let world = World::start_with(|config| config.bus.properties.push(limit)).await;
    let caller = world.engineer().await;
    let parts: Vec<String> = (0..60).map(|number| format!("PART-{number}")).collect();
    let model = format!("m-{}", uuid::Uuid::new_v4().simple());
    let hardware: Vec<Value> = parts.iter().map(|id| json!({"hardware_id": id, "name": id})).collect();
    caller.post("/models", &json!({"id": model, "name": "Harbour", "hardware": hardware})).await.is(201);
    let sha256 = caller.upload("part.bin", b"firmware").await;
    let release = |version: &str, parts: &[String]| {
        let images: Vec<Value> =
            parts.iter().map(|id| json!({"hardware_id": id, "sha256": sha256, "version": version})).collect();
        json!({"name": "Spring", "version": version, "models": [model], "images": images})
    };
    let lock = async |body: &Value| {
        let id = caller.post("/releases", body).await.is(201)["id"].clone();
        caller.post(&format!("/releases/{id}/lock"), &json!({})).await
    };
    let detail = lock(&release("1", &parts)).await.problem(422, "manifest-too-long");
    assert!(detail.contains("targets.json") && detail.contains("message.max.bytes"), "{detail}");
    assert_eq!(lock(&release("2", &parts[..1])).await.is(200)["state"], "locked");
    let records = world.repository(&model, 2).await;
    assert!(records.iter().any(|record| record.key.as_deref() == Some(b"2.targets.json".as_slice())));
}

#[tokio::test]
async fn a_draft_changes_until_it_is_locked_into_its_models_targets() {
    let world = World::start().await;
    let stage = Stage::of(&world).await;
    let caller = &stage.caller;
    let made = caller.post("/releases", &stage.body("1")).await.is(201);
    assert_eq!((made["state"].clone(), made["release_counter"].clone()), (json!("draft"), Value::Null));
    let id = made["id"].as_i64().unwrap();
    let path = format!("/releases/{id}");
    assert_eq!(caller.get(&path).await.is(200), made);
    assert_eq!(made["images"][0]["target_name"], format!("BCM-2.3.0-r{id}.hex"));
    assert_eq!(made["images"][1]["target_name"], format!("IVI-7_beta-r{id}.bin"));
    let mut body = stage.body("1.1");
    body["images"].as_array_mut().unwrap().pop();
    let changed = caller.put(&path, &body).await.is(200);
    assert_eq!((changed["version"].clone(), changed["images"].as_array().unwrap().len()), (json!("1.1"), 1));

    let locked = caller.post(&format!("{path}/lock"), &json!({})).await.is(200);
    assert_eq!(locked["state"], "locked");
    assert!(locked["locked_at"].is_string());
    let counter = locked["release_counter"].as_u64().unwrap();
    let records = world.repository(&stage.model, 2).await;
    let targets = records.iter().find(|record| record.key.as_deref() == Some(b"2.targets.json".as_slice())).unwrap();
    let targets: Value = serde_json::from_slice(targets.value.as_deref().unwrap()).unwrap();
    let target = json!({
        "length": 12, "hashes": {"sha256": stage.bcm},
        "custom": {"hardwareIds": ["BCM"], "releaseCounter": counter, "version": "2.3.0", "release": id},
    });
    assert_eq!(targets["signed"]["targets"], json!({ (format!("BCM-2.3.0-r{id}.hex")): target }));

    caller.put(&path, &stage.body("2")).await.problem(409, "release-not-draft");
    caller.post(&format!("{path}/lock"), &json!({})).await.problem(409, "release-not-draft");
    let second = caller.post("/releases", &stage.body("2")).await.is(201)["id"].as_i64().unwrap();
    let second = caller.post(&format!("/releases/{second}/lock"), &json!({})).await.is(200);
    assert!(second["release_counter"].as_u64().unwrap() > counter);
    let listed = caller.get("/releases").await.is(200);
    assert_eq!(listed["items"], json!([second, locked]));
}

#[tokio::test]
async fn a_release_for_a_model_without_a_root_stays_a_draft() {
    let world = World::start_with(|config| config.demo_root = false).await;
    let stage = Stage::of(&world).await;
    let id = stage.caller.post("/releases", &stage.body("1")).await.is(201)["id"].as_i64().unwrap();
    let answer = stage.caller.post(&format!("/releases/{id}/lock"), &json!({})).await;
    assert!(answer.problem(409, "model-awaiting-root").contains(&stage.model));
    assert_eq!(stage.caller.get(&format!("/releases/{id}")).await.is(200)["state"], "draft");
}

#[tokio::test]
async fn a_release_that_is_not_acceptable_is_refused_with_the_field() {
    let world = World::start().await;
    let stage = Stage::of(&world).await;
    let caller = &stage.caller;
    caller.post("/releases", &stage.body("1")).await.is(201);
    assert_eq!(caller.post("/releases", &stage.body("1")).await.problem_at(409, "release-exists").1, "/version");
    let mut plain = model_body("plain");
    plain["id"] = json!(format!("m-{}", uuid::Uuid::new_v4().simple()));
    plain["hardware"].as_array_mut().unwrap().truncate(1);
    caller.post("/models", &plain).await.is(201);
    let refused = async |change: &dyn Fn(&mut Value)| {
        let mut body = stage.body("2");
        change(&mut body);
        caller.post("/releases", &body).await.problem_at(422, "invalid").1
    };
    assert_eq!(refused(&|body| body["models"] = json!([])).await, "/models");
    assert_eq!(refused(&|body| body["models"] = json!([stage.model, "none"])).await, "/models/1");
    assert_eq!(refused(&|body| body["models"] = json!([stage.model, stage.model])).await, "/models/1");
    // The other model has no IVI.
    assert_eq!(refused(&|body| body["models"] = json!([stage.model, plain["id"]])).await, "/images/1/hardware_id");
    assert_eq!(refused(&|body| body["images"] = json!([])).await, "/images");
    assert_eq!(refused(&|body| body["images"][1]["hardware_id"] = json!("BCM")).await, "/images/1/hardware_id");
    assert_eq!(refused(&|body| body["images"][0]["sha256"] = json!("0".repeat(64))).await, "/images/0/sha256");
    for version in ["", "é", "a\tb", &"1".repeat(65)] {
        assert_eq!(refused(&|body| body["images"][0]["version"] = json!(version)).await, "/images/0/version");
        assert_eq!(refused(&|body| body["version"] = json!(version)).await, "/version");
    }
    caller.put("/releases/4711", &stage.body("3")).await.problem(404, "not-found");
    caller.post("/releases/4711/lock", &json!({})).await.problem(404, "not-found");
    caller.get("/releases/4711").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_draft_cannot_take_the_name_of_another() {
    let world = World::start().await;
    let stage = Stage::of(&world).await;
    stage.caller.post("/releases", &stage.body("1")).await.is(201);
    let id = stage.caller.post("/releases", &stage.body("2")).await.is(201)["id"].as_i64().unwrap();
    stage.caller.put(&format!("/releases/{id}"), &stage.body("1")).await.problem(409, "release-exists");
    stage.caller.put(&format!("/releases/{id}"), &stage.body("2")).await.is(200);
}

#[tokio::test]
async fn a_release_for_two_models_is_in_both_repositories() {
    let world = World::start().await;
    let stage = Stage::of(&world).await;
    let other = world.model(&stage.caller).await;
    let mut body = stage.body("1");
    body["models"] = json!([other, stage.model]);
    let id = stage.caller.post("/releases", &body).await.is(201)["id"].as_i64().unwrap();
    stage.caller.post(&format!("/releases/{id}/lock"), &json!({})).await.is(200);
    for model in [&stage.model, &other] {
        let records = world.repository(model, 2).await;
        assert!(records.iter().any(|record| record.key.as_deref() == Some(b"2.targets.json".as_slice())));
    }
}
