//! Who matches a target and is left out: the preview says so, the start does it, and each vehicle is told why.

use otaru_domain::clock;
use otaru_domain::id::{HardwareId, Vin};
use otaru_domain::inventory::{AttributesMode, EcuReport, Inventory};
use otaru_domain::topic;
use otaru_store::ingest::Arrived;
use otaru_store::offsets::{self, Position};
use otaru_store::twin::apply_inventories;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fleet::Fleet;
use crate::world::World;

/// Lets a vehicle tell all that it runs.
pub async fn inventory(fleet: &Fleet<'_>, vin: &Vin, ecus: &[(&str, &str)]) {
    tell(fleet, vin, Some(ecus)).await;
}

/// Lets a vehicle tell what it runs, or of itself at all, as over DDI.
pub async fn tell(fleet: &Fleet<'_>, vin: &Vin, ecus: Option<&[(&str, &str)]>) {
    let now = clock::now();
    let ecu = |(id, version): &(&str, &str)| EcuReport {
        hardware_id: HardwareId::parse(id).unwrap(),
        version: (*version).to_owned(),
        serial: None,
    };
    let inventory = Inventory {
        schema_version: 1,
        id: Uuid::now_v7(),
        vin: vin.clone(),
        model: None,
        ecus: ecus.unwrap_or_default().iter().map(ecu).collect(),
        tells_ecus: ecus.is_some(),
        attributes: [].into(),
        attributes_mode: AttributesMode::Merge,
        reported_at: None,
        received_at: now,
        sequence: None,
        signature: None,
    };
    // A partition of its own for each: nobody else reads it.
    let partition = i32::from_be_bytes(inventory.id.as_bytes()[12..].try_into().unwrap()) & i32::MAX;
    let store = fleet.world.store();
    let claim = offsets::claim(store, "inventories", topic::INVENTORIES, partition, now).await.unwrap();
    let arrived =
        [Arrived { offset: claim.next_offset, key: None, value: None, stored_at: None, message: Ok(inventory) }];
    let next = claim.next_offset + 1;
    let to = Position { next_offset: next, high_offset: next, last_at: now };
    let mut tx = store.begin().await.unwrap();
    let applied = apply_inventories(&mut tx, &claim, to, &arrived, now).await.unwrap();
    assert!(applied.dead.is_empty(), "{:?}", applied.dead);
    tx.commit().await.unwrap();
}

/// A release of BCM 2 that is only for a BCM from 1.5 on, with an infotainment from 7 on.
async fn demanding_release(fleet: &Fleet<'_>) -> i64 {
    let sha256 = fleet.engineer.upload("bcm.bin", b"demanding firmware").await;
    let mut body = json!({
        "name": fleet.model, "version": "2", "models": [fleet.model],
        "images": [{"hardware_id": "BCM", "sha256": sha256, "version": "2.0", "requires": [
            {"hardware_id": "BCM", "versions": ">=1.5"}, {"hardware_id": "IVI", "versions": ">=7, <9"},
        ]}],
    });
    let made = fleet.engineer.post("/releases", &body).await.is(201);
    assert_eq!(made["images"][0]["requires"], body["images"][0]["requires"]);
    let id = made["id"].as_i64().unwrap();
    let other = json!({"hardware_id": "IVI", "sha256": sha256, "version": "9"});
    body["images"].as_array_mut().unwrap().push(other);
    let path = format!("/releases/{id}");
    assert_eq!(fleet.engineer.put(&path, &body).await.problem_at(422, "invalid").1, "/images/0/requires/1");
    body["images"][0]["requires"][1]["versions"] = json!(">=9, <8");
    assert_eq!(fleet.engineer.put(&path, &body).await.problem_at(422, "invalid").1, "/images/0/requires/1/versions");
    fleet.engineer.post(&format!("{path}/lock"), &json!({})).await.is(200);
    id
}

#[tokio::test]
async fn each_vehicle_is_left_out_for_the_first_reason_and_told_so() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 9).await;
    let release = demanding_release(&fleet).await;
    let [fits, opted_out, revoked, no_bcm, there, old, old_ivi, unknown, reissued] = &fleet.vins[..] else { panic!() };
    let ada = &fleet.engineer;
    let good = [("BCM", "1.10"), ("IVI", "7.3")];
    for vin in [fits, opted_out, revoked, reissued] {
        inventory(&fleet, vin, &good).await;
    }
    inventory(&fleet, no_bcm, &good[1..]).await;
    inventory(&fleet, there, &[("BCM", "2.0"), ("IVI", "1")]).await;
    inventory(&fleet, old, &[("BCM", "1.4"), ("IVI", "7.3")]).await;
    inventory(&fleet, old_ivi, &[("BCM", "1.5"), ("IVI", "9")]).await;
    ada.patch(&format!("/vehicles/{opted_out}"), &json!({"opted_out": true})).await.is(200);
    for vin in [revoked, reissued, opted_out] {
        let path = format!("/vehicles/{vin}/credentials");
        let credential = ada.post(&path, &json!({})).await.is(201);
        ada.delete(&format!("{path}/{}", credential["id"].as_str().unwrap())).await.is(204);
    }
    ada.post(&format!("/vehicles/{reissued}/credentials"), &json!({})).await.is(201);

    let asked = json!({"release": release, "target": "true"});
    let preview = ada.post("/campaigns/preview", &asked).await.is(200);
    let mut taken: Vec<&str> =
        preview["waves"][0]["sample"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    taken.sort_unstable();
    let mut expected = [fits.as_str(), reissued.as_str()];
    expected.sort_unstable();
    assert_eq!((&preview["matching"], taken), (&json!(2), expected.to_vec()));
    let reason = |reason: &str, ecu: Option<&str>, versions: Option<&str>| (json!(reason), json!(ecu), json!(versions));
    let expected = [
        (opted_out, reason("opted_out", None, None)),
        (revoked, reason("no_credentials", None, None)),
        (no_bcm, reason("incompatible_hardware", Some("BCM"), None)),
        (there, reason("already_there", None, None)),
        (old, reason("dependency_not_met", Some("BCM"), Some(">=1.5"))),
        (old_ivi, reason("dependency_not_met", Some("IVI"), Some(">=7, <9"))),
        (unknown, reason("dependency_not_met", Some("BCM"), Some(">=1.5"))),
    ];
    let of = |one: &Value| (one["reason"].clone(), one["hardware_id"].clone(), one["versions"].clone());
    for (vin, reason) in &expected {
        let excluded = preview["excluded"].as_array().unwrap();
        let found = excluded.iter().find(|one| one["sample"].as_array().unwrap().contains(&json!(vin)));
        assert_eq!(found.map(of).as_ref(), Some(reason), "{preview:#}");
    }

    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    (draft["release"], draft["target"]) = (json!(release), json!("true"));
    let id = fleet.create(&draft).await;
    assert_eq!(ada.get(&format!("/campaigns/{id}/excluded")).await.is(200)["items"], json!([]), "a draft took nobody");
    let started = fleet.command(id, "start").await;
    assert_eq!(started["members"], 2);
    let page = ada.get(&format!("/campaigns/{id}/excluded?limit=1000")).await.is(200);
    let (items, reasons) = (page["items"].as_array().unwrap(), page["reasons"].as_array().unwrap());
    assert_eq!(reasons.iter().map(|one| one["vehicles"].as_u64().unwrap()).sum::<u64>(), 7);
    for (vin, reason) in &expected {
        let found = items.iter().find(|one| one["vin"] == json!(vin));
        assert_eq!(found.map(of).as_ref(), Some(reason), "{page:#}");
    }
    let there_only = ada.get(&format!("/campaigns/{id}/excluded?reason=already_there")).await.is(200);
    assert_eq!(there_only["items"].as_array().unwrap().len(), 1);
    ada.post(&format!("/vehicles/{there}/credentials"), &json!({})).await.is(201);
    let why = ada.get(&format!("/campaigns/{id}/vehicles/{there}/why-not-now")).await.is(200);
    assert_eq!(why["why_not"]["code"], "already_there");

    // Whoever opts out later is offered nothing any more.
    fleet.until_open(id, 1).await;
    ada.patch(&format!("/vehicles/{fits}"), &json!({"opted_out": true})).await.is(200);
    let why = ada.get(&format!("/campaigns/{id}/vehicles/{fits}/why-not-now")).await.is(200);
    assert_eq!(why["why_not"]["code"], "opted_out");
}

#[tokio::test]
async fn a_campaign_that_could_take_nobody_says_why_and_one_behind_another_waits() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 2).await;
    let first = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(first, "start").await;
    fleet.until_open(first, 1).await;
    let asked = json!({"release": fleet.release, "target": "true"});
    let preview = fleet.engineer.post("/campaigns/preview", &asked).await.is(200);
    assert_eq!((&preview["matching"], &preview["behind"]), (&json!(2), &json!([{"campaign": first, "vehicles": 2}])));

    for vin in &fleet.vins {
        inventory(&fleet, vin, &[("BCM", "2.3.0")]).await;
    }
    let second = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let refused = fleet.engineer.post(&format!("/campaigns/{second}/start"), &json!({"reason": "test"})).await;
    let detail = refused.problem(409, "no-vehicles");
    assert!(detail.contains("2 are left out: all of the release runs on it already"), "{detail}");
    assert_eq!(fleet.campaign(second).await["state"], "draft");
    assert_eq!(fleet.engineer.get(&format!("/campaigns/{second}/excluded")).await.is(200)["reasons"], json!([]));
}
