use otaru_campaign::auth::Role;
use otaru_domain::ack::ReportedState;
use otaru_domain::clock;
use otaru_domain::id::HardwareId;
use otaru_store::twin;
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::world::World;

/// A vehicle whose ECU runs `version` from now on, as its inventory says.
async fn runs(world: &World, fleet: &Fleet<'_>, at: usize, version: &str) {
    let vehicle = otaru_store::progress::vehicle_id(world.store(), &fleet.vins[at]).await.unwrap().unwrap();
    let mut tx = world.store().begin().await.unwrap();
    let hardware = HardwareId::parse("BCM").unwrap();
    twin::set_ecu(&mut tx, vehicle, &hardware, version, None, clock::now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_dossier_tells_who_approved_what_for_which_vehicles_and_what_became_of_them() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 3).await;
    let (ada, grace) = (&fleet.engineer, world.caller(Role::Approver).await);
    let stated = json!({
        "purpose": "Locks <stay> shut", "affected": "Body control (UN R11)", "type_approval": "granted",
        "type_approval_reference": "E1*1234", "verification": "HIL 4711",
    });
    grace.put(&format!("/releases/{}/evidence", fleet.release), &stated).await.is(200);
    runs(&world, &fleet, 0, "2.2.0").await;
    ada.patch(&format!("/vehicles/{}", fleet.vins[0]), &json!({"rxswin": "R11 2024"})).await.is(200);
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    ada.post(&format!("/campaigns/{id}/submit"), &json!({})).await.is(200);
    let digest = ada.get(&format!("/campaigns/{id}/review")).await.is(200)["digest"].clone();
    grace.post(&format!("/campaigns/{id}/approve"), &json!({"digest": digest})).await.is(200);
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    fleet.report(id, &fleet.vins[..1], 1, ReportedState::Installed).await;
    fleet.report(id, &fleet.vins[1..2], 1, ReportedState::Failed).await;
    runs(&world, &fleet, 0, "2.3.0").await;
    ada.patch(&format!("/vehicles/{}", fleet.vins[0]), &json!({"rxswin": "R11 2025"})).await.is(200);

    let path = format!("/campaigns/{id}/dossier");
    let dossier = ada.get(&path).await.is(200);
    assert_eq!(dossier["evidence"]["type_approval"], "granted");
    assert_eq!(dossier["review"]["steps"][0]["by"], grace.name);
    assert_eq!(dossier["release"]["images"][0]["sha256"].as_str().unwrap().len(), 64);
    let vehicles = dossier["vehicles"].as_array().unwrap();
    let of = |at: usize| vehicles.iter().find(|one| one["vin"] == json!(fleet.vins[at])).unwrap();
    let updated = of(0);
    assert_eq!((&updated["rxswin_before"], &updated["rxswin_after"]), (&json!("R11 2024"), &json!("R11 2025")));
    let version = |ecus: &Value| ecus[0]["version"].clone();
    assert_eq!((version(&updated["ecus_before"]), version(&updated["ecus_after"])), (json!("2.2.0"), json!("2.3.0")));
    assert_eq!((&updated["compatible"], &updated["state"]), (&json!(true), &json!("installed")));
    assert_eq!((&of(1)["compatible"], &of(1)["state"]), (&Value::Null, &json!("failed")));
    let actions: Vec<&str> =
        dossier["log"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    for action in ["release_locked", "release_evidence_stated", "campaign_created", "campaign_approved", "wave_opened"]
    {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }

    let first = ada.get(&format!("{path}?limit=2")).await.is(200);
    let second = ada.get(&format!("{path}?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
    assert_eq!((first["vehicles"].as_array().unwrap().len(), second["vehicles"].as_array().unwrap().len()), (2, 1));

    for path in [path, format!("/vehicles/{}/dossier", fleet.vins[0])] {
        let page = ada.get(&format!("{path}?format=html")).await;
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        let html = String::from_utf8(page.bytes.to_vec()).unwrap();
        assert!(html.contains(fleet.vins[0].as_str()) && html.contains("R11 2024"), "{html}");
        for outside in ["<script", "src=", "href=", "url(", "@import", "Locks <stay>"] {
            assert!(!html.contains(outside), "{outside} in {html}");
        }
    }
    let vehicle = ada.get(&format!("/vehicles/{}/dossier", fleet.vins[0])).await.is(200);
    let rxswins: Vec<&Value> = vehicle["rxswins"].as_array().unwrap().iter().map(|one| &one["rxswin"]).collect();
    assert_eq!(rxswins, ["R11 2024", "R11 2025"]);
    assert_eq!(vehicle["campaigns"][0]["campaign"], id);
    ada.get("/campaigns/999/dossier").await.problem(404, "not-found");
    ada.get("/vehicles/WVWZZZ1KZAW000001/dossier").await.problem(404, "not-found");
}

#[tokio::test]
async fn the_register_says_which_vehicles_have_which_rxswin_and_what_it_stands_for() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 3).await;
    let ada = &fleet.engineer;
    let sha256 = ada.upload("b.bin", b"another").await;
    let release = json!({
        "name": fleet.model, "version": "3", "models": [fleet.model], "rxswin": "R79/1 b",
        "images": [{"hardware_id": "BCM", "sha256": sha256, "version": "3"}],
    });
    let release = ada.post("/releases", &release).await.is(201)["id"].clone();
    assert_eq!(ada.get("/rxswins").await.is(200)["items"], json!([]), "a draft stands for nothing");
    ada.post(&format!("/releases/{release}/lock"), &json!({})).await.is(200);
    for (at, rxswin) in [(0, "R79/1 a"), (1, "R79/1 a"), (2, "R79/1 b")] {
        ada.patch(&format!("/vehicles/{}", fleet.vins[at]), &json!({"rxswin": rxswin})).await.is(200);
    }
    ada.patch(&format!("/vehicles/{}", fleet.vins[1]), &json!({"rxswin": "R79/1 b"})).await.is(200);
    let listed = ada.get("/rxswins").await.is(200)["items"].clone();
    let expected = json!([
        {"rxswin": "R79/1 a", "vehicles": 1, "releases": []},
        {"rxswin": "R79/1 b", "vehicles": 2, "releases": [release]},
    ]);
    assert_eq!(listed, expected);
    let software = ada.get("/rxswins/R79%2F1%20b").await.is(200);
    assert_eq!(software["releases"][0]["images"][0]["sha256"], json!(sha256));
    let vehicles = ada.get("/rxswins/R79%2F1%20b/vehicles").await.is(200)["items"].clone();
    let mut vins: Vec<&str> = vehicles.as_array().unwrap().iter().map(|one| one["vin"].as_str().unwrap()).collect();
    vins.sort_unstable();
    let mut own = [fleet.vins[1].as_str(), fleet.vins[2].as_str()];
    own.sort_unstable();
    assert_eq!(vins, own);
    ada.patch(&format!("/vehicles/{}", fleet.vins[0]), &json!({"rxswin": null})).await.is(200);
    ada.get("/rxswins/R79%2F1%20a").await.problem(404, "not-found");
}
