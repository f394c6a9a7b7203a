//! What a device is told to do.

use chrono::TimeDelta;
use otaru_domain::document::DocumentState;
use otaru_domain::rollout::Blackout;
use otaru_domain::topic;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::rig::{Device, TARGET, VIN, campaign, encrypt, offered, path_of, republish};
use crate::world::{World, eventually, header};

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_to_do_a_device_is_asked_what_it_is_and_when_to_come_back() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let device = Device::new(&world.gateway, &vehicle);
    let response = device.get("").await;
    assert_eq!(header(&response, "content-type"), "application/hal+json");
    let root: Value = response.json().await.unwrap();
    let sleep = root["config"]["polling"]["sleep"].as_str().unwrap();
    assert!(("00:04:00"..="00:06:00").contains(&sleep), "{sleep}");
    let links: Vec<&String> = root["_links"].as_object().unwrap().keys().collect();
    assert_eq!(links, ["configData"]);

    let said = json!({"mode": "replace", "data": {"VIN": VIN, "hwRevision": "2"}, "status": {}});
    let put = device.request(Method::PUT, "/configData").json(&said).send().await.unwrap();
    assert_eq!(put.status(), StatusCode::OK);
    let records = world.records(topic::INVENTORIES, &vehicle.vin).await;
    let inventory: Value = serde_json::from_slice(records[0].value.as_deref().unwrap()).unwrap();
    assert_eq!(inventory["attributes"], json!({"VIN": VIN, "hwRevision": "2"}));
    assert_eq!((&inventory["attributes_mode"], &inventory["tells_ecus"]), (&json!("replace"), &json!(false)));
    assert_eq!(device.poll().await["_links"], json!({}), "told once, it is not asked again");
    let long = json!({"data": {"k": "v".repeat(2000)}});
    for bad in [json!({}), json!({"data": {"k": 7}}), json!({"mode": "forget", "data": {}}), long] {
        let put = device.request(Method::PUT, "/configData").json(&bad).send().await.unwrap();
        assert_eq!(put.status(), StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_linked_and_described_for_the_host_that_was_asked() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let (campaign, digests) = campaign(&world, &mut model, &[&vehicle], b"a signed container").await;
    let device = Device::new(&world.gateway, &vehicle);
    let root: Value =
        device.request(Method::GET, "").header("host", "ota.example:8443").send().await.unwrap().json().await.unwrap();
    let href = root["_links"]["deploymentBase"]["href"].as_str().unwrap();
    assert!(
        href.starts_with(&format!("http://ota.example:8443/DEFAULT/controller/v1/{VIN}/deploymentBase/")),
        "{href}"
    );
    let (id, change) = href.rsplit_once('/').unwrap().1.split_once("?c=").unwrap();
    assert!(id.parse::<i32>().unwrap() > 0 && change.parse::<i32>().is_ok(), "{href}");

    let answer: Value = device.get(&format!("/deploymentBase/{id}?c={change}")).await.json().await.unwrap();
    let base = format!("http://{}/DEFAULT/controller/v1/{VIN}", world.gateway.address);
    let file = format!("{base}/softwaremodules/{}.{TARGET}/artifacts/body.swu", digests.sha256);
    let sum = format!("{file}.MD5SUM");
    assert_eq!(
        answer,
        json!({"id": id, "deployment": {"download": "forced", "update": "forced", "chunks": [{
            "part": "BCM", "version": "2.3.0", "name": "test",
            "artifacts": [{
                "filename": "body.swu", "size": 18,
                "hashes": {"sha1": digests.sha1, "md5": digests.md5, "sha256": digests.sha256},
                "_links": {"download": {"href": file}, "download-http": {"href": file},
                           "md5sum": {"href": sum}, "md5sum-http": {"href": sum}},
            }],
        }]}})
    );
    let acks = world.acks(&vehicle.vin).await;
    assert_eq!(acks.len(), 1, "{acks:?}");
    assert_eq!((&acks[0]["state"], &acks[0]["campaign"]), (&json!("offered"), &json!(campaign)));
    for unknown in ["/deploymentBase/64000", "/deploymentBase/0", "/deploymentBase/x", "/installedBase/64"] {
        assert_eq!(device.get(unknown).await.status(), StatusCode::NOT_FOUND, "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_vehicle_could_judge_is_not_offered() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let (vehicle, device, campaign, link) = offered(&world, &mut model).await;
    republish(&world, &mut model, campaign, |document| document.precondition = Some("battery.soc >= 40".into())).await;
    assert_eq!(device.link("deploymentBase").await, None);
    assert_eq!(device.get(&link).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::OK, "its own API has it");
    republish(&world, &mut model, campaign, |document| document.precondition_waived = true).await;
    let waived = eventually("the waiver is known", async || device.link("deploymentBase").await);
    assert_eq!(device.get(&waived.await).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_its_window_a_device_downloads_and_does_not_install() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let (_, device, campaign, link) = offered(&world, &mut model).await;
    let days = |days| (world.now + TimeDelta::days(days)).date_naive();
    republish(&world, &mut model, campaign, |document| {
        document.windows.blackouts.push(Blackout { from: days(-1), to: days(1), reason: None });
    })
    .await;
    let answer = eventually("the window is known", async || {
        let answer: Value = device.get(&link).await.json().await.unwrap();
        (answer["deployment"]["maintenanceWindow"] == "unavailable").then_some(answer)
    });
    let answer = answer.await;
    let deployment = &answer["deployment"];
    assert_eq!((&deployment["download"], &deployment["update"]), (&json!("forced"), &json!("skip")));
    assert_ne!(Some(answer["id"].as_str().unwrap()), link.rsplit('/').next().and_then(|id| id.split('?').next()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_campaign_is_skipped_and_a_skip_reported_as_success_installs_nothing() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let (vehicle, device, campaign, link) = offered(&world, &mut model).await;
    republish(&world, &mut model, campaign, |document| document.state = DocumentState::Paused).await;

    assert_eq!(device.link("deploymentBase").await, None, "nobody begins");
    let answer: Value = device.get(&link).await.json().await.unwrap();
    assert_eq!(answer["deployment"]["update"], "skip");
    let skipped = answer["id"].as_str().unwrap();
    // As SWUpdate does.
    let status = device.feedback(&format!("/deploymentBase/{skipped}"), "closed", "success").await;
    assert_eq!(status, StatusCode::OK);
    assert!(world.acks(&vehicle.vin).await.iter().all(|ack| ack["state"] == "offered"));

    // One that installs already goes on, and reports to where it finds its action after a restart.
    assert_eq!(device.feedback(&link, "proceeding", "none").await, StatusCode::OK);
    let again = eventually("it goes on", async || device.link("deploymentBase").await).await;
    let answer: Value = device.get(&again).await.json().await.unwrap();
    assert_eq!(answer["deployment"]["update"], "forced");
    assert_eq!(device.feedback(&link, "closed", "success").await, StatusCode::OK);
    let installed = eventually("it is installed", async || device.link("installedBase").await).await;
    let answer: Value = device.get(&installed).await.json().await.unwrap();
    assert!(path_of(&answer["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]).is_some());
    assert_eq!(device.link("deploymentBase").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_encrypted_is_offered_to_nobody_who_would_install_it_as_it_is() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let (campaign, digests) = campaign(&world, &mut model, &[&vehicle], b"a ciphertext").await;
    encrypt(&world, &mut model, &digests).await;
    let device = Device::new(&world.gateway, &vehicle);
    assert_eq!(device.link("deploymentBase").await, None);
    assert!(world.acks(&vehicle.vin).await.is_empty());
    // Whoever reads the targets knows what to do with it.
    let update: Value = world.gateway.poll(&vehicle).await.json().await.unwrap();
    assert_eq!(update["campaign"], campaign);
}
