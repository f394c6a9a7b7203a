//! Updates that wait for their user.

use otaru_domain::rollout::{Consent, ConsentMode, ConsentText};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::rig::{Device, OTHER, VIN, campaign};
use crate::world::{World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn an_update_waits_until_it_is_confirmed_and_a_denied_one_is_over() {
    let world = World::start_with(|config| config.ddi.confirmation = true).await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let other = world.vehicle(OTHER, &model).await;
    campaign(&world, &mut model, &[&vehicle, &other], b"image").await;
    let device = Device::new(&world.gateway, &vehicle);
    let link = device.link("confirmationBase").await.unwrap();
    assert_eq!(device.link("deploymentBase").await, None);
    let id = link.rsplit_once('/').unwrap().1.split('?').next().unwrap();
    assert_eq!(device.get(&format!("/deploymentBase/{id}")).await.status(), StatusCode::NOT_FOUND);
    let answer: Value = device.get(&link).await.json().await.unwrap();
    assert_eq!((&answer["id"], &answer["confirmation"]["update"]), (&json!(id), &json!("forced")));
    assert_eq!(answer["confirmation"]["chunks"][0]["artifacts"][0]["filename"], "body.swu");
    let call = format!("/confirmationBase/{id}/feedback");
    assert_eq!(device.post(&call, json!({"confirmation": "perhaps"})).await, StatusCode::BAD_REQUEST);
    assert_eq!(device.post(&call, json!({"confirmation": "confirmed", "code": 1})).await, StatusCode::OK);
    let deployment = eventually("it is confirmed", async || device.link("deploymentBase").await).await;
    assert_eq!(device.get(&deployment).await.status(), StatusCode::OK);
    assert_eq!(device.post(&call, json!({"confirmation": "denied"})).await, StatusCode::GONE);
    assert_eq!(world.acks(&vehicle.vin).await.pop().unwrap()["state"], "accepted");

    let device = Device::new(&world.gateway, &other);
    let link = device.link("confirmationBase").await.unwrap();
    let call = format!("{}/feedback", link.split('?').next().unwrap());
    let denied = json!({"confirmation": "denied", "code": -5, "details": ["not now"]});
    assert_eq!(device.post(&call, denied).await, StatusCode::OK);
    let last = world.acks(&other.vin).await.pop().unwrap();
    assert_eq!(
        (&last["state"], &last["error_code"], &last["log"]),
        (&json!("declined"), &json!("ddi--5"), &json!("not now"))
    );
    eventually("it is not asked again", async || device.link("confirmationBase").await.is_none().then_some(())).await;
    assert_eq!(device.link("deploymentBase").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_given_once_for_all_needs_no_confirmation_until_it_is_taken_back() {
    let world = World::start_with(|config| config.ddi.confirmation = true).await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    campaign(&world, &mut model, &[&vehicle], b"image").await;
    let device = Device::new(&world.gateway, &vehicle);
    let state = async || device.get("/confirmationBase").await.json::<Value>().await.unwrap();
    let before = state().await;
    assert_eq!(before["autoConfirm"]["active"], false);
    assert!(before["autoConfirm"]["_links"]["activateAutoConfirm"]["href"].is_string());
    assert!(before["_links"]["confirmationBase"]["href"].is_string());

    let said = json!({"initiator": "owner", "remark": "always"});
    assert_eq!(device.post("/confirmationBase/activateAutoConfirm", said).await, StatusCode::OK);
    assert!(device.link("deploymentBase").await.is_some());
    let active = state().await;
    assert_eq!(
        (&active["autoConfirm"]["active"], &active["autoConfirm"]["initiator"]),
        (&json!(true), &json!("owner"))
    );
    assert!(active["autoConfirm"]["activatedAt"].is_u64());

    assert_eq!(device.post("/confirmationBase/deactivateAutoConfirm", json!({})).await, StatusCode::OK);
    assert!(device.link("confirmationBase").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_asks_its_drivers_waits_for_each_of_them() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let (campaign, _) = campaign(&world, &mut model, &[&vehicle], b"image").await;
    let device = Device::new(&world.gateway, &vehicle);
    let mut document = model.document(campaign, world.now);
    let text = ConsentText { title: "New software".into(), body: "It takes a while.".into() };
    document.consent = Some(Consent {
        mode: ConsentMode::Ask,
        texts: [("en".to_owned(), text)].into(),
        minutes: None,
        unavailable: Vec::new(),
        max_reminders: None,
        force_reason: None,
    });
    let publication = model.publish_document(document, world.now);
    world.publish(&model, publication).await;
    let link = eventually("it is to be confirmed", async || device.link("confirmationBase").await).await;
    assert_eq!(device.link("deploymentBase").await, None);
    let call = format!("{}/feedback", link.split('?').next().unwrap());
    assert_eq!(device.post(&call, json!({"confirmation": "confirmed"})).await, StatusCode::OK);
    eventually("it is confirmed", async || device.link("deploymentBase").await).await;
}
