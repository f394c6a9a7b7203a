use chrono::{DateTime, Utc};
use otaru_domain::id::Vin;
use serde_json::{Value, json};

use crate::world::{Caller, World, vin};

async fn created(caller: &Caller<'_>, model: &str, change: impl Fn(&mut Value)) -> Vin {
    let vin = vin();
    let mut body = json!({"vin": vin, "model": model, "tags": ["beta"], "region": "EU"});
    change(&mut body);
    caller.post("/vehicles", &body).await.is(201);
    vin
}

#[tokio::test]
async fn a_vehicle_is_created_read_and_changed() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let model = world.model(&caller).await;
    let vin = vin();
    let body = json!({
        "vin": vin, "model": model, "model_year": 2025, "region": "EU", "tags": ["beta", "demo"],
        "attributes": {"trim": "sport", "fuel": "electric"}, "rxswin": "R1",
        "ecus": [{"hardware_id": "BCM", "version": "2.2.1", "serial": "S1"}],
    });
    let made = caller.post("/vehicles", &body).await.is(201);
    let path = format!("/vehicles/{vin}");
    assert_eq!(caller.get(&path).await.is(200), made);
    for field in ["vin", "model", "model_year", "region", "tags", "attributes", "rxswin"] {
        assert_eq!(made[field], body[field], "{field}");
    }
    assert_eq!(made["ecus"][0]["version"], "2.2.1");
    assert_eq!(caller.post("/vehicles", &body).await.problem_at(409, "vehicle-exists").1, "/vin");

    let change = json!({"region": null, "tags": ["fleet"], "attributes": {"trim": null, "colour": "red"}});
    let changed = caller.patch(&path, &change).await.is(200);
    assert_eq!(changed["region"], Value::Null);
    assert_eq!(changed["model_year"], 2025);
    assert_eq!(changed["tags"], json!(["fleet"]));
    assert_eq!(changed["attributes"], json!({"colour": "red", "fuel": "electric"}));
    assert_eq!(caller.patch(&path, &json!({"model": "other"})).await.problem_at(422, "invalid").1, "/model");
    assert_eq!(caller.patch(&path, &json!({"tags": ["a", "a"]})).await.problem_at(422, "invalid").1, "/tags/1");
    caller.patch(&format!("/vehicles/{}", crate::world::vin()), &change).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_vehicle_that_is_not_acceptable_is_refused_with_the_field() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let model = world.model(&caller).await;
    let refused = async |change: Value| {
        let mut body = json!({"vin": vin(), "model": model});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        caller.post("/vehicles", &body).await.problem_at(422, "invalid").1
    };
    assert_eq!(refused(json!({"vin": "WVWZZZ1KZAW00000O"})).await, "/vin");
    assert_eq!(refused(json!({"model": "none"})).await, "/model");
    assert_eq!(refused(json!({"model_year": 12})).await, "/model_year");
    assert_eq!(refused(json!({"region": ""})).await, "/region");
    assert_eq!(refused(json!({"tags": ["ok", "a\nb"]})).await, "/tags/1");
    assert_eq!(refused(json!({"attributes": {"a/b": "x".repeat(2000)}})).await, "/attributes/a~1b");
    assert_eq!(refused(json!({"attributes": {"a": 7}})).await, "/attributes/a");
    assert_eq!(refused(json!({"ecus": [{"hardware_id": "ABS", "version": "1"}]})).await, "/ecus/0/hardware_id");
    assert_eq!(refused(json!({"ecus": [{"hardware_id": "BCM", "version": ""}]})).await, "/ecus/0/version");
    let twice = json!([{"hardware_id": "BCM", "version": "1"}, {"hardware_id": "BCM", "version": "2"}]);
    assert_eq!(refused(json!({"ecus": twice})).await, "/ecus/1/hardware_id");
    assert_eq!(caller.get("/vehicles").await.is(200)["items"], json!([]));
}

#[tokio::test]
async fn a_check_digit_counts_where_the_model_says_so() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let mut strict = crate::world::model_body("strict");
    strict["vin_check_digit"] = json!(true);
    strict["id"] = json!(format!("m-{}", uuid::Uuid::new_v4().simple()));
    caller.post("/models", &strict).await.is(201);
    let create = async |vin: &str| caller.post("/vehicles", &json!({"vin": vin, "model": strict["id"]})).await;
    create("1M8GDM9AXKP042788").await.is(201);
    assert_eq!(create("1M8GDM9A1KP042788").await.problem_at(422, "invalid").1, "/vin");
}

#[tokio::test]
async fn vehicles_are_listed_in_pages_by_model_tag_region_and_prefix() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let (model, other) = (world.model(&caller).await, world.model(&caller).await);
    let one = created(&caller, &model, |_| {}).await;
    let two = created(&caller, &model, |body| body["tags"] = json!(["stable"])).await;
    let three = created(&caller, &other, |body| body["region"] = json!("UK")).await;
    let vins = async |query: &str| -> Vec<String> {
        let page = caller.get(&format!("/vehicles?{query}")).await.is(200);
        page["items"].as_array().unwrap().iter().map(|one| one["vin"].as_str().unwrap().to_owned()).collect()
    };
    let text = |vins: &[&Vin]| -> Vec<String> { vins.iter().map(ToString::to_string).collect() };
    assert_eq!(vins("").await, text(&[&one, &two, &three]));
    assert_eq!(vins(&format!("model={model}")).await, text(&[&one, &two]));
    assert_eq!(vins("tag=beta").await, text(&[&one, &three]));
    assert_eq!(vins("tag=beta&region=EU").await, text(&[&one]));
    assert_eq!(vins(&format!("vin_prefix={}", &three.as_str()[..16])).await, text(&[&three]));
    assert_eq!(vins("vin_prefix=V").await, text(&[]));
    caller.get("/vehicles?vin_prefix=W%25").await.problem(400, "bad-request");
    let first = caller.get("/vehicles?limit=2").await.is(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(vins(&format!("limit=2&cursor={cursor}")).await, text(&[&three]));
}

#[tokio::test]
async fn the_twin_is_read_as_it_is_and_as_it_was() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let model = world.model(&caller).await;
    let vin = created(&caller, &model, |body| body["ecus"] = json!([{"hardware_id": "BCM", "version": "1.0"}])).await;
    let path = format!("/vehicles/{vin}/ecus");
    let before = caller.get(&path).await.is(200);
    assert_eq!(before["items"][0]["version"], "1.0");
    let put = async |hardware: &str, body: Value| caller.put(&format!("{path}/{hardware}"), &body).await;
    let replaced = put("BCM", json!({"version": "2.0", "serial": "S2"})).await.is(200);
    assert_eq!(replaced["serial"], "S2");
    assert_eq!(caller.get(&path).await.is(200)["items"], json!([replaced]));
    let at: DateTime<Utc> = before["at"].as_str().unwrap().parse().unwrap();
    let query = at.to_rfc3339().replace('+', "%2B");
    let was = caller.get(&format!("{path}?at={query}")).await.is(200);
    assert_eq!(was["items"][0]["version"], "1.0");
    let never = caller.get(&format!("{path}?at=2001-01-01T00:00:00Z")).await.is(200);
    assert_eq!(never["items"], json!([]));
    assert_eq!(put("ABS", json!({"version": "1"})).await.problem_at(422, "invalid").1, "/hardware_id");
    assert_eq!(put("BCM", json!({"version": ""})).await.problem_at(422, "invalid").1, "/version");
    caller.get(&format!("{path}?at=yesterday")).await.problem(400, "bad-query");
    let changes = caller.get(&format!("{path}/history")).await.is(200);
    let told = |at: usize| (&changes["items"][at]["version"], &changes["items"][at]["serial"]);
    assert_eq!((told(0), told(1)), ((&json!("2.0"), &json!("S2")), (&json!("1.0"), &Value::Null)));
    caller.get(&format!("/vehicles/{}/ecus/history", crate::world::vin())).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_retired_vehicle_stays_as_it_was() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let model = world.model(&caller).await;
    let vin = created(&caller, &model, |_| {}).await;
    let path = format!("/vehicles/{vin}");
    let retired = caller.post(&format!("{path}/retire"), &json!({})).await.is(200);
    assert!(retired["retired_at"].is_string());
    assert_eq!(caller.post(&format!("{path}/retire"), &json!({})).await.is(200), retired);
    caller.patch(&path, &json!({"region": "UK"})).await.problem(409, "vehicle-retired");
    caller.put(&format!("{path}/ecus/BCM"), &json!({"version": "1"})).await.problem(409, "vehicle-retired");
    caller.post(&format!("{path}/credentials"), &json!({})).await.problem(409, "vehicle-retired");
    caller.post(&format!("/vehicles/{}/retire", crate::world::vin()), &json!({})).await.problem(404, "not-found");
}
