//! What was withdrawn after it was offered.

use otaru_domain::assignment::AssignmentState;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::rig::{Device, OTHER, VIN, campaign, offered};
use crate::world::{World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_asked_to_stop_and_says_that_it_did() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let never_offered = world.vehicle(OTHER, &model).await;
    let (campaign, _) = campaign(&world, &mut model, &[&vehicle, &never_offered], b"image").await;
    let device = Device::new(&world.gateway, &vehicle);
    let deployment = device.link("deploymentBase").await.unwrap();
    assert_eq!(device.feedback(&deployment, "proceeding", "none").await, StatusCode::OK);
    for vin in [&vehicle.vin, &never_offered.vin] {
        world.engine_says(vin, campaign, AssignmentState::Cancelled).await;
    }
    let link = eventually("the cancellation", async || device.link("cancelAction").await).await;
    assert!(!link.contains('?'), "{link}");
    assert_eq!(device.link("deploymentBase").await, None, "one thing at a time");
    assert_eq!(device.get(&deployment).await.status(), StatusCode::NOT_FOUND);
    let answer: Value = device.get(&link).await.json().await.unwrap();
    let id = link.rsplit_once('/').unwrap().1;
    assert_eq!(answer, json!({"id": id, "cancelAction": {"stopId": id}}));
    // What happens meanwhile still counts.
    assert_eq!(device.feedback(&deployment, "downloaded", "none").await, StatusCode::OK);
    assert_eq!(device.feedback(&link, "proceeding", "none").await, StatusCode::OK);
    assert_eq!(device.feedback(&link, "closed", "success").await, StatusCode::OK);
    eventually("it has answered", async || device.link("cancelAction").await.is_none().then_some(())).await;
    for call in [&link, &deployment] {
        assert_eq!(device.feedback(call, "closed", "success").await, StatusCode::GONE, "{call}");
    }
    let last = world.acks(&vehicle.vin).await.pop().unwrap();
    assert_eq!((&last["state"], &last["origin"]), (&json!("cancelled"), &json!("gateway")));
    let other = Device::new(&world.gateway, &never_offered);
    assert_eq!(other.poll().await["_links"].get("cancelAction"), None, "it heard of nothing to cancel");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_cannot_stop_goes_on_and_what_it_reports_counts() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let (vehicle, device, campaign, deployment) = offered(&world, &mut model).await;
    assert_eq!(device.feedback(&deployment, "proceeding", "none").await, StatusCode::OK);
    world.engine_says(&vehicle.vin, campaign, AssignmentState::TimedOut).await;
    let link = eventually("the cancellation", async || device.link("cancelAction").await).await;
    assert_eq!(device.feedback(&link, "rejected", "none").await, StatusCode::OK);
    let again = eventually("it goes on", async || device.link("deploymentBase").await).await;
    assert_eq!(device.link("cancelAction").await, None);
    assert_eq!(device.get(&again).await.status(), StatusCode::OK);
    assert_eq!(device.feedback(&again, "closed", "success").await, StatusCode::OK);
    let last = world.acks(&vehicle.vin).await.pop().unwrap();
    assert_eq!((&last["state"], &last["origin"]), (&json!("installed"), &json!("vehicle")));
}
