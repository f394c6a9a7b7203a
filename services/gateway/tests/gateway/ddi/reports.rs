//! What a device reports.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::rig::{Device, campaign, offered, status};
use crate::world::{World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn each_report_is_an_acknowledgement_and_the_end_is_the_end() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let (vehicle, device, campaign, link) = offered(&world, &mut model).await;
    let id = link.split('?').next().unwrap().to_owned();
    let mut downloading = status("download", "none");
    downloading["status"]["result"]["progress"] = json!({"cnt": 1, "of": 4});
    assert_eq!(device.post(&format!("{id}/feedback"), downloading).await, StatusCode::OK);
    assert_eq!(device.feedback(&link, "proceeding", "none").await, StatusCode::OK);
    let mut failed = status("closed", "failure");
    failed["status"]["code"] = json!(42);
    failed["status"]["details"] = json!(["first", "second"]);
    let response = device.request(Method::POST, &format!("{id}/feedback")).json(&failed).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);

    let acks = world.acks(&vehicle.vin).await;
    let of = |state: &str| acks.iter().find(|ack| ack["state"] == state).unwrap_or_else(|| panic!("{state}: {acks:?}"));
    assert_eq!(of("downloading")["progress_percent"], 25);
    assert!(of("downloading")["sequence"].as_u64() < of("installing")["sequence"].as_u64());
    let end = of("failed");
    assert_eq!((&end["error_code"], &end["log"]), (&json!("ddi-42"), &json!("first\nsecond")));
    assert_eq!((&end["campaign"], &end["attempt"], &end["origin"]), (&json!(campaign), &json!(1), &json!("vehicle")));

    eventually("the action is over", async || {
        (device.feedback(&link, "closed", "success").await == StatusCode::GONE).then_some(())
    })
    .await;
    assert_eq!(device.get(&link).await.status(), StatusCode::NOT_FOUND);
    let second = world.second_gateway(|_| {}).await;
    let elsewhere = Device::new(&second, &vehicle);
    assert_eq!(elsewhere.link("deploymentBase").await, None, "nor does another gateway offer it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_report_is_refused_and_what_is_of_no_action_not_found() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let (vehicle, device, _, link) = offered(&world, &mut model).await;
    let call = format!("{}/feedback", link.split('?').next().unwrap());
    for bad in [
        json!({}),
        json!({"status": {"execution": "closed"}}),
        json!({"status": {"execution": "exploded", "result": {"finished": "none"}}}),
        json!({"status": {"execution": "closed", "result": {"finished": "maybe"}}}),
        Value::Null,
    ] {
        assert_eq!(device.post(&call, bad.clone()).await, StatusCode::BAD_REQUEST, "{bad}");
    }
    let broken = device.request(Method::POST, &call).body("{").send().await.unwrap();
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    let hal = device.request(Method::POST, &call).header("content-type", "application/hal+json");
    let hal = hal.body(status("scheduled", "none").to_string()).send().await.unwrap();
    assert_eq!(hal.status(), StatusCode::OK);
    assert_eq!(device.feedback("/deploymentBase/6400", "closed", "success").await, StatusCode::NOT_FOUND);
    let next_attempt: i64 = link["/deploymentBase/".len()..].split('?').next().unwrap().parse().unwrap();
    let next_attempt = format!("/deploymentBase/{}", next_attempt + 2);
    assert_eq!(device.feedback(&next_attempt, "closed", "success").await, StatusCode::NOT_FOUND);
    let states: Vec<Value> = world.acks(&vehicle.vin).await.iter().map(|ack| ack["state"].clone()).collect();
    assert_eq!(states, ["offered", "accepted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_refuses_or_gives_up_ends_its_attempt() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    for (number, execution, state, origin) in
        [(1, "rejected", "declined", "vehicle"), (2, "canceled", "cancelled", "gateway")]
    {
        let vehicle = world.vehicle(&format!("WVWZZZ1KZAW00000{number}"), &model).await;
        campaign(&world, &mut model, &[&vehicle], execution.as_bytes()).await;
        let device = Device::new(&world.gateway, &vehicle);
        let link = device.link("deploymentBase").await.unwrap();
        assert_eq!(device.feedback(&link, execution, "none").await, StatusCode::OK);
        let acks = world.acks(&vehicle.vin).await;
        let end = acks.last().unwrap();
        assert_eq!((&end["state"], &end["origin"]), (&json!(state), &json!(origin)));
        eventually("it is over", async || {
            (device.feedback(&link, "closed", "success").await == StatusCode::GONE).then_some(())
        })
        .await;
        assert_eq!(device.link("deploymentBase").await, None);
    }
}
