use std::collections::BTreeMap;

use otaru_campaign::auth::Role;
use otaru_domain::token::Revocation;
use otaru_domain::{clock, topic};
use otaru_store::dead_letters::{self, DeadLetter};
use serde_json::{Value, json};

use crate::world::{World, eventually, vin};

#[tokio::test]
async fn an_erased_vin_is_nowhere_and_the_evidence_still_holds() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let model = world.model(&admin).await;
    let vin = vin();
    let path = format!("/vehicles/{vin}");
    let body = json!({
        "vin": vin, "model": model, "tags": ["grace"], "attributes": {"owner": "Grace"}, "rxswin": "R1",
        "ecus": [{"hardware_id": "BCM", "version": "2.2", "serial": "S-4711"}],
    });
    admin.post("/vehicles", &body).await.is(201);
    let credential = admin.post(&format!("{path}/credentials"), &json!({})).await.is(201)["id"].clone();
    let letter = DeadLetter {
        topic: topic::ACKS.into(),
        partition: 0,
        offset: 1,
        key: None,
        value: Some(format!("{{\"vin\":\"{vin}\"").into_bytes()),
        reason: "unparsable".into(),
        detail: "cut off".into(),
        at: clock::now(),
    };
    let mut tx = world.store().begin().await.unwrap();
    dead_letters::record(&mut tx, &[letter]).await.unwrap();
    tx.commit().await.unwrap();
    let before = otaru_store::audit::head(world.store()).await.unwrap();

    admin.post(&format!("{path}/erase"), &json!({"reason": " "})).await.problem(422, "invalid");
    let reason = json!({"reason": format!("the holder of {} asked", vin.as_str().to_lowercase())});
    let pseudonym =
        admin.post(&format!("{path}/erase"), &reason).await.is(200)["pseudonym"].as_str().unwrap().to_owned();
    assert!(pseudonym.starts_with("ERASED"), "{pseudonym}");

    admin.get(&path).await.problem(404, "not-found");
    let left = admin.get(&format!("/vehicles/{pseudonym}")).await.is(200);
    assert_eq!((&left["tags"], &left["attributes"]), (&json!([]), &json!({})));
    assert!(!left["retired_at"].is_null());
    let ecu = (left["ecus"][0]["version"].clone(), left["ecus"][0]["serial"].clone());
    assert_eq!((ecu, &left["rxswin"]), ((json!("2.2"), Value::Null), &json!("R1")));
    assert_eq!(admin.get("/dead-letters").await.is(200)["items"], json!([]));
    let again = admin.post(&format!("/vehicles/{pseudonym}/erase"), &json!({"reason": "again"})).await;
    again.problem(409, "vehicle-erased");

    // Nothing that was written before was touched, and the log says what was done without saying to whom.
    let anchor = BTreeMap::from([(before.id, before.digest)]);
    let verified = otaru_store::audit::verify(world.store(), anchor).await.unwrap();
    assert_eq!(verified.broken, None);
    let log = admin.get(&format!("/audit?vin={pseudonym}")).await.is(200);
    let entry = &log["items"][0];
    assert_eq!(entry["action"], "vehicle_erased");
    assert_eq!(entry["details"]["reason"], format!("the holder of {} asked", entry["object"].as_str().unwrap()));
    let everything = admin.get("/audit?limit=1000").await.is(200).to_string();
    let dossier = admin.get(&format!("/vehicles/{pseudonym}/dossier")).await.is(200);
    assert_eq!(dossier["erased"], true);
    for text in [everything, dossier.to_string()] {
        assert!(!text.to_uppercase().contains(vin.as_str()), "{text}");
    }

    // The revocation that replaces all earlier ones of the credential does not name it either.
    eventually("the revocation is sent", async || {
        let records = world.bus.read_topic(topic::REVOCATIONS).await.ok()?;
        let ours = |record: &&otaru_bus::Record| record.key.as_deref() == credential.as_str().map(str::as_bytes);
        let last = records.iter().rfind(ours)?;
        let revocation: Revocation = serde_json::from_slice(last.value.as_deref()?).ok()?;
        (revocation.vin.as_str() == pseudonym).then_some(())
    })
    .await;
}

#[tokio::test]
async fn targets_and_waves_that_name_the_vehicle_go_on_meaning_it() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let model = world.model(&admin).await;
    let (vin, other) = (vin(), vin());
    for vin in [&vin, &other] {
        admin.post("/vehicles", &json!({"vin": vin, "model": model})).await.is(201);
    }
    let sha256 = admin.upload("bcm.bin", b"firmware").await;
    let images = json!([{"hardware_id": "BCM", "sha256": sha256, "version": "2"}]);
    let body = json!({"name": model, "version": "2", "models": [model], "images": images});
    let release = admin.post("/releases", &body).await.is(201)["id"].clone();
    admin.post(&format!("/releases/{release}/lock"), &json!({})).await.is(200);
    let campaign = json!({
        "name": format!("only {vin}"), "release": release, "target": format!("vin in [\"{vin}\", \"{other}\"]"),
        "waves": [{"vins": [vin]}, {"expression": format!("vin == \"{vin}\" || vin == \"{other}\"")}, {}], "deadline": "2999-01-01T00:00:00Z",
    });
    let id = admin.post("/campaigns", &campaign).await.is(201)["id"].clone();
    let erased = admin.post(&format!("/vehicles/{vin}/erase"), &json!({"reason": "asked"})).await.is(200);
    let pseudonym = erased["pseudonym"].as_str().unwrap();
    let campaign = admin.get(&format!("/campaigns/{id}")).await.is(200);
    assert_eq!(campaign["target"], format!("vin in [\"{pseudonym}\", \"{other}\"]"));
    let wave = format!("vin == \"{pseudonym}\" || vin == \"{other}\"");
    assert_eq!(campaign["waves"][1]["expression"], wave);
    let review = admin.get(&format!("/campaigns/{id}/review")).await.is(200);
    assert_eq!(review["content"]["waves"][0]["vins"], json!([pseudonym]));
    assert!(!format!("{campaign}{review}").contains(vin.as_str()));
}
