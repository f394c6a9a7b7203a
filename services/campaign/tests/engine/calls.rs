use otaru_domain::ack::{Ack, ReportedState};
use otaru_domain::{clock, topic};
use otaru_store::dead_letters::{self, DeadLetter};
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::world::{World, eventually};

#[tokio::test]
async fn a_preview_says_what_the_start_then_does() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 10).await;
    let draft = fleet.draft(&[(0.25, 1.0), (0.75, 1.0)]);
    let asked = json!({"release": fleet.release, "target": draft["target"], "waves": draft["waves"]});
    let preview = fleet.engineer.post("/campaigns/preview", &asked).await.is(200);
    assert_eq!(preview["matching"], 10);
    let waves = preview["waves"].as_array().unwrap();
    assert_eq!((&waves[0]["size"], &waves[1]["size"]), (&json!(3), &json!(7)));
    let sample: Vec<_> = waves.iter().flat_map(|wave| wave["sample"].as_array().unwrap()).collect();
    assert!(sample.len() == 10 && sample.iter().all(|vin| fleet.vins.iter().any(|own| *vin == own.as_str())));
    let wrong = json!({"release": fleet.release, "target": "regio == 1"});
    let problem = fleet.engineer.post("/campaigns/preview", &wrong).await.is(422);
    assert_eq!((&problem["pointer"], &problem["position"]), (&json!("/target"), &json!(0)));

    let id = fleet.create(&draft).await;
    fleet.command(id, "start").await;
    let waves = fleet.engineer.get(&format!("/campaigns/{id}/waves")).await.is(200);
    assert_eq!((&waves["items"][0]["size"], &waves["items"][1]["size"]), (&json!(3), &json!(7)));
    let all = fleet.engineer.get("/campaigns?state=running&limit=1").await.is(200);
    assert_eq!((&all["items"][0]["id"], &all["next_cursor"]), (&json!(id), &Value::Null));
    assert_eq!(fleet.engineer.get("/campaigns?state=draft").await.is(200)["items"], json!([]));
}

#[tokio::test]
async fn assignments_are_found_by_page_state_wave_and_vehicle() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 5).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    fleet.report(id, &fleet.vins[..1], 1, ReportedState::Downloading).await;
    fleet.report(id, &fleet.vins[..1], 2, ReportedState::Failed).await;

    let mut cursor = String::new();
    let mut seen = Vec::new();
    loop {
        let page = fleet.engineer.get(&format!("/campaigns/{id}/assignments?limit=2{cursor}")).await.is(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|row| row["vin"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    // One import makes its vehicles in the order of their VINs.
    let mut vins = fleet.vins.clone();
    vins.sort();
    assert_eq!(json!(seen), json!(vins), "each once, in the order of creation");
    let failed = fleet.assignments(id, "&state=failed").await;
    assert_eq!((failed.len(), &failed[0]["vin"]), (1, &json!(fleet.vins[0])));
    assert!(fleet.assignments(id, "&wave=2").await.is_empty());
    fleet.engineer.get(&format!("/campaigns/{id}/assignments?state=lost")).await.problem(400, "bad-query");
    fleet.engineer.get("/campaigns/999/assignments").await.problem(404, "not-found");

    let vehicle = fleet.engineer.get(&format!("/vehicles/{}/assignments", fleet.vins[0])).await.is(200);
    let history: Vec<_> = vehicle["items"][0]["history"].as_array().unwrap().iter().map(|row| &row["state"]).collect();
    assert_eq!((&vehicle["items"][0]["campaign"], history.len()), (&json!(id), 2));
    assert!(history.contains(&&json!("failed")) && history.contains(&&json!("downloading")));
    fleet.engineer.get("/vehicles/WVWZZZ1KZAW000001/assignments").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_dead_letter_is_sent_again_once_its_reader_can_parse_it() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let vin = &fleet.vins[0];
    let letter = |offset: i64, value: &str| DeadLetter {
        topic: topic::ACKS.into(),
        partition: -1,
        offset,
        key: Some(vin.as_str().as_bytes().to_vec()),
        value: Some(value.as_bytes().to_vec()),
        reason: "unparsable".into(),
        detail: "the line is no JSON".into(),
        at: clock::now(),
    };
    let mut tx = world.store().begin().await.unwrap();
    dead_letters::record(&mut tx, &[letter(1, "{oops")]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(fleet.engineer.get("/fleet").await.is(200)["dead_letters"], 1);
    let shown = fleet.engineer.get("/dead-letters").await.is(200)["items"][0].clone();
    assert_eq!((&shown["value"], &shown["key"]), (&json!("{oops"), &json!(vin)));

    let path = format!("/dead-letters/{}/replay", shown["id"]);
    let (detail, pointer) = fleet.engineer.send(&path, "application/json", "").await.problem_at(422, "invalid");
    assert_eq!(pointer, "/value", "{detail}");
    let report = json!({"campaign": 7, "attempt": 1, "sequence": 3, "state": "installed"}).to_string();
    let sent = fleet.engineer.post(&path, &json!({"value": report})).await.is(200);
    assert!(!sent["replayed_at"].is_null());
    let ack = eventually("it is on the topic", async || {
        let records = world.bus.read_topic(topic::ACKS).await.ok()?;
        let acks = records.iter().filter_map(|record| serde_json::from_slice::<Ack>(record.value.as_deref()?).ok());
        acks.into_iter().find(|ack| ack.vin == *vin)
    })
    .await;
    assert_eq!((ack.campaign, ack.sequence), (7, 3));
    assert_eq!(fleet.engineer.get("/fleet").await.is(200)["dead_letters"], 0);
    fleet.engineer.get("/dead-letters/99").await.problem(404, "not-found");
}
