//! What vehicles report.

use otaru_domain::topic;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, problem};

const VIN: &str = "WVWZZZ1KZAW000001";
const NDJSON: &str = "application/x-ndjson";

fn report(sequence: u64, state: &str) -> Value {
    json!({"campaign": 7, "attempt": 1, "sequence": sequence, "state": state})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_on_the_topic_when_it_is_accepted() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let mut sent = report(1, "downloading");
    sent["id"] = json!("6a3c4f0e-58a3-4a0b-9a9e-3a8f5f2d0c11");
    sent["progress_percent"] = json!(40);
    sent["a_later_version_added_this"] = json!(true);
    let response = world.gateway.post_acks(&vehicle, "application/json; charset=utf-8", sent.to_string()).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"accepted": 1, "rejected": []}));
    let acks = world.acks(&vehicle.vin).await;
    assert_eq!(acks.len(), 1);
    for (field, expected) in [
        ("id", sent["id"].clone()),
        ("origin", json!("vehicle")),
        ("vin", json!(VIN)),
        ("model", json!("harbour")),
        ("campaign", json!(7)),
        ("state", json!("downloading")),
        ("progress_percent", json!(40)),
    ] {
        assert_eq!(acks[0][field], expected, "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_good_lines_of_a_batch_are_taken_and_the_bad_ones_named_and_put_aside() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let mut body = Vec::new();
    let no_utf8 = b"{\"campaign\": 7, \"attempt\": 1, \"sequence\": 3, \"state\": \"\xff\xfe\"}".as_slice();
    let lines = [
        report(1, "accepted").to_string().into_bytes(),
        b"{\"campaign\": 7".to_vec(),
        Vec::new(),
        report(0, "downloading").to_string().into_bytes(),
        no_utf8.to_vec(),
        report(4, "offered").to_string().into_bytes(),
        report(2, "downloading").to_string().into_bytes(),
    ];
    for line in &lines {
        body.extend_from_slice(line);
        body.extend_from_slice(b"\r\n");
    }
    let response = world.gateway.post_acks(&vehicle, NDJSON, body).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let receipt: Value = response.json().await.unwrap();
    assert_eq!(receipt["accepted"], 2);
    let rejected = receipt["rejected"].as_array().unwrap();
    assert_eq!(rejected.iter().map(|line| line["line"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 4, 5, 6]);
    assert!(rejected[1]["detail"].as_str().unwrap().starts_with("/sequence"), "{rejected:?}");

    let sequences: Vec<_> = world.acks(&vehicle.vin).await.iter().map(|ack| ack["sequence"].clone()).collect();
    assert_eq!(sequences, [1, 2]);
    let letters = world.records(topic::DEAD_LETTERS, &vehicle.vin).await;
    assert_eq!(letters.len(), 4);
    for (letter, line) in letters.iter().zip([2_usize, 4, 5, 6]) {
        assert_eq!(letter.value.as_deref(), Some(lines[line - 1].as_slice()), "line {line}");
        assert_eq!(letter.header("origin-topic"), Some(b"gateway".as_slice()));
        assert_eq!(letter.header("reason"), Some(b"unparsable".as_slice()));
        assert_eq!(letter.header("vin"), Some(VIN.as_bytes()));
        assert_eq!(letter.header("line"), Some(line.to_string().as_bytes()));
        assert!(letter.header("detail").is_some_and(|detail| !detail.is_empty()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_report_is_refused_and_nothing_of_it_kept() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let json = "application/json";
    let long_log = json!({"campaign": 7, "attempt": 1, "sequence": 1, "state": "failed", "log": "x".repeat(17_000)});
    let line = report(1, "accepted").to_string();
    let cases = [
        (json, String::new(), 400, None),
        (json, "{".to_owned(), 400, None),
        (json, format!("{line}{line}"), 400, None),
        (json, "[]".to_owned(), 422, None),
        (json, report(1, "offered").to_string(), 422, Some("/state")),
        (json, report(0, "accepted").to_string(), 422, Some("/sequence")),
        (json, report(1 << 60, "accepted").to_string(), 422, Some("/sequence")),
        (json, long_log.to_string(), 422, Some("/log")),
        ("text/plain", line.clone(), 415, None),
        (json, " ".repeat(1_048_577), 413, None),
        (NDJSON, format!("{line}\n").repeat(1001), 413, None),
    ];
    for (kind, body, status, pointer) in cases {
        let start: String = body.chars().take(80).collect();
        let response = world.gateway.post_acks(&vehicle, kind, body).await;
        assert_eq!(response.status(), status, "{kind} {start}");
        let problem = problem(response).await;
        if let Some(pointer) = pointer {
            assert_eq!(problem["pointer"], pointer, "{start}");
        }
    }
    assert!(world.acks(&vehicle.vin).await.is_empty());
    assert!(world.records(topic::DEAD_LETTERS, &vehicle.vin).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_is_on_its_topic_when_it_is_accepted_and_a_bad_field_is_pointed_at() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let put =
        async |body: Value| world.gateway.call(Method::PUT, &vehicle, "inventory").json(&body).send().await.unwrap();
    let ecu = json!({"hardware_id": "BCM", "version": "2.2.1", "serial": "4711"});
    let response = put(json!({"ecus": [ecu], "attributes": {"trim": "GT"}})).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let records = world.records(topic::INVENTORIES, &vehicle.vin).await;
    assert_eq!(records.len(), 1);
    let inventory: Value = serde_json::from_slice(records[0].value.as_deref().unwrap()).unwrap();
    assert_eq!((&inventory["vin"], &inventory["ecus"]), (&json!(VIN), &json!([ecu])));

    for (body, pointer) in [
        (json!({"ecus": [ecu, ecu]}), "/ecus/1"),
        (json!({"ecus": [{"hardware_id": "BCM", "version": ""}]}), "/ecus/0/version"),
        (json!({"ecus": [{"hardware_id": "-", "version": "1"}]}), "/ecus/0/hardware_id"),
        (json!({"ecus": [], "attributes": {"a name/with: all": "\u{1}"}}), "/attributes/a name~1with: all"),
        (json!({}), ""),
    ] {
        let response = put(body.clone()).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(problem(response).await["pointer"], pointer, "{body}");
    }
    assert_eq!(world.records(topic::INVENTORIES, &vehicle.vin).await.len(), 1);
}
