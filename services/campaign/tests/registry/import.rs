use bytes::Bytes;
use otaru_domain::clock;
use otaru_domain::token;
use otaru_domain::tuf::Key;
use otaru_store::token_keys;
use reqwest::Body;
use serde_json::{Value, json};

use crate::world::{World, vin};

const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";

fn counts(report: &Value) -> (u64, u64, u64) {
    let count = |field: &str| report[field].as_u64().unwrap();
    (count("created"), count("updated"), count("failed"))
}

#[tokio::test]
async fn csv_creates_and_updates_and_a_bad_line_stops_no_other() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let (model, other) = (world.model(&caller).await, world.model(&caller).await);
    let (one, two, foreign) = (vin(), vin(), vin());
    caller.post("/vehicles", &json!({"vin": foreign, "model": other})).await.is(201);
    let first = format!(
        "vin,model,model_year,region,tags,ecu:BCM,attr:trim\n\
         {one},{model},2025,EU,beta;demo,2.3.0,sport\n\
         {two},{model},,,,,\n\
         nonsense,{model},,,,,\n\
         {foreign},{model},,,,,\n\
         {two},none,,,,,\n"
    );
    let report = caller.send("/vehicles/import", CSV, first).await.is(200);
    assert_eq!(counts(&report), (2, 0, 3));
    let lines = report["lines"].as_array().unwrap();
    let of = |at: usize| {
        (lines[at]["line"].clone(), lines[at]["status"].clone(), lines[at]["detail"].as_str().unwrap_or(""))
    };
    assert_eq!(of(0), (json!(2), json!("created"), ""));
    assert_eq!(of(2).0, 4);
    assert!(of(2).2.contains("17 characters"), "{:?}", of(2));
    assert!(of(3).2.contains("model never changes"), "{:?}", of(3));
    assert!(of(4).2.contains("no model none"), "{:?}", of(4));

    let second = format!("vin,model,region,attr:colour,ecu:IVI\n{one},{model},UK,red,7\n");
    let report = caller.send("/vehicles/import", CSV, second).await.is(200);
    assert_eq!(counts(&report), (0, 1, 0));
    let vehicle = caller.get(&format!("/vehicles/{one}")).await.is(200);
    assert_eq!(vehicle["region"], "UK");
    assert_eq!(vehicle["model_year"], 2025);
    assert_eq!(vehicle["tags"], json!(["beta", "demo"]));
    assert_eq!(vehicle["attributes"], json!({"colour": "red", "trim": "sport"}));
    let ecus: Vec<_> = vehicle["ecus"].as_array().unwrap().iter().map(|ecu| ecu["version"].clone()).collect();
    assert_eq!(ecus, ["2.3.0", "7"]);
}

#[tokio::test]
async fn ndjson_over_several_chunks_is_all_written() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let model = world.model(&caller).await;
    let vins: Vec<_> = (0..2_500).map(|_| vin()).collect();
    let line =
        |vin| json!({"vin": vin, "model": model, "tags": ["fleet"], "ecus": [{"hardware_id": "BCM", "version": "1"}]});
    let text: String = vins.iter().map(|vin| format!("{}\n", line(vin))).collect();
    let report = caller.send("/vehicles/import", NDJSON, text.clone()).await.is(200);
    assert_eq!(counts(&report), (2_500, 0, 0));
    let numbers: Vec<_> =
        report["lines"].as_array().unwrap().iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=2_500).collect::<Vec<_>>());
    let last = caller.get(&format!("/vehicles/{}", vins[2_499])).await.is(200);
    assert_eq!(last["ecus"][0]["version"], "1");
    assert_eq!(counts(&caller.send("/vehicles/import", NDJSON, text).await.is(200)), (0, 2_500, 0));
}

#[tokio::test]
async fn a_vin_twice_in_a_file_ends_as_the_later_line_says() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let model = world.model(&caller).await;
    let vin = vin();
    let line = |region: &str| format!("{}\n", json!({"vin": vin, "model": model, "region": region}));
    let report = caller.send("/vehicles/import", NDJSON, [line("EU"), line("UK")].concat()).await.is(200);
    assert_eq!(counts(&report), (1, 1, 0));
    assert_eq!(caller.get(&format!("/vehicles/{vin}")).await.is(200)["region"], "UK");
}

#[tokio::test]
async fn credentials_are_issued_to_those_that_were_taken() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let model = world.model(&caller).await;
    let (good, retired) = (vin(), vin());
    caller.post("/vehicles", &json!({"vin": retired, "model": model})).await.is(201);
    caller.post(&format!("/vehicles/{retired}/retire"), &json!({})).await.is(200);
    let csv = format!("vin,model\n{good},{model}\n{retired},{model}\n");
    let report = caller.send("/vehicles/import?credentials=true", CSV, csv).await.is(200);
    assert_eq!(counts(&report), (1, 0, 1));
    assert!(report["lines"][1]["detail"].as_str().unwrap().contains("retired"));
    assert_eq!(report["lines"][1]["token"], Value::Null);
    let issued = report["lines"][0]["token"].as_str().unwrap();
    let keys = token_keys::all(world.store()).await.unwrap();
    let claims = token::verify(issued, &keys[0].public_key, clock::now()).unwrap();
    assert_eq!((claims.vin, claims.model.as_str()), (good.clone(), model.as_str()));
    let listed = caller.get(&format!("/vehicles/{good}/credentials")).await.is(200);
    assert_eq!(listed["items"][0]["id"], claims.jti.to_string());
}

#[tokio::test]
async fn what_is_no_import_is_refused() {
    let world = World::start().await;
    let caller = world.engineer().await;
    caller.send("/vehicles/import", "application/json", "{}").await.problem(415, "media-type");
    let header = caller.send("/vehicles/import", CSV, "vin,colour\n").await;
    assert!(header.problem(422, "invalid").contains("colour"));
    let empty = caller.send("/vehicles/import", NDJSON, "").await.is(200);
    assert_eq!(counts(&empty), (0, 0, 0));
    // Blank lines, without a length that is announced.
    let blank = Bytes::from(vec![b'\n'; 1 << 20]);
    let endless = futures::stream::iter((0..66).map(move |_| Ok::<_, std::io::Error>(blank.clone())));
    let answer = caller.send("/vehicles/import", NDJSON, Body::wrap_stream(endless)).await;
    assert!(answer.problem(413, "too-large").contains("64 MiB"));
}

#[tokio::test]
async fn keys_that_vehicles_sign_with_come_with_the_credentials_of_an_import() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let model = world.model(&caller).await;
    let (one, two, three) = (vin(), vin(), vin());
    let key = Key::generate().unwrap().public().keyval.public.clone();
    let csv = format!("vin,model,ack_key\n{one},{model},{key}\n{two},{model},abc\n{three},{model},\n");
    let report = caller.send("/vehicles/import?credentials=true", CSV, csv).await.is(200);
    assert_eq!(counts(&report), (2, 0, 1));
    assert!(report["lines"][1]["detail"].as_str().unwrap().contains("64 lowercase"), "{report}");
    let keys = token_keys::all(world.store()).await.unwrap();
    let of = |line: usize| {
        let token = report["lines"][line]["token"].as_str().unwrap();
        token::verify(token, &keys[0].public_key, clock::now()).unwrap().ack_key
    };
    assert_eq!((of(0), of(2)), (Some(key.clone()), None));
    let line = json!({"vin": two, "model": model, "ack_key": key}).to_string();
    let report = caller.send("/vehicles/import", NDJSON, line.clone()).await.is(200);
    assert!(report["lines"][0]["detail"].as_str().unwrap().contains("credentials=true"), "{report}");
    let report = caller.send("/vehicles/import?credentials=true", NDJSON, line).await.is(200);
    assert_eq!(counts(&report), (1, 0, 0));
    let listed = caller.get(&format!("/vehicles/{two}/credentials")).await.is(200);
    assert_eq!(listed["items"][0]["ack_key"], key);
}
